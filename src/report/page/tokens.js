"use strict";
// Which tokens carry the largest values in a layer: mean and deviation over all occurrences.

const tokenState = { layer: null };
const SHOWN_TOKENS = 15;

// What is shown of each run: {run, site, index, layer, list}.
function chosenTokens() {
  return shownRuns().map((entry, _, all) => {
    const wanted = tokenState.layer === null ? peakLayer(all[0].site) : tokenState.layer;
    const layer = Math.min(wanted, entry.site.tokens.layers.length - 1);
    return { ...entry, layer, list: entry.site.tokens.layers[layer] };
  });
}

// A run of tepui intervene has none.
function tokensKept() {
  return chosenTokens().some(({ site }) => site.tokens.layers.some((layer) => layer.distinct));
}

function tokenTrace(entry, theme, axes) {
  const { run, index } = entry;
  const rows = entry.list.rows.slice(0, SHOWN_TOKENS);
  return { type: "scatter", mode: "markers", x: rows.map((row) => row.mean),
    y: rows.map((_, at) => at), ...axes,
    error_x: { type: "data", array: rows.map((row) => row.deviation || 0),
      arrayminus: rows.map((row) => Math.min(row.deviation || 0, row.mean * 0.999)),
      color: theme.soft, thickness: 1.5, symmetric: false },
    marker: { size: 11, color: runStyle(index, theme).colour,
      symbol: rows.map((row) => (row.massive ? "star" : "circle")) },
    text: rows.map((row) => `token ${plotText(tokenText(run, row.token))}` +
      `<br>mean ${show(row.mean)} ± ${show(row.deviation)} over ${row.occurrences} occurrences` +
      `<br>largest ${show(row.value)} in channel ${row.channel}, position ${row.position}` +
      `<br>${row.massive} massive values`),
    hovertemplate: "%{text}<extra></extra>", showlegend: false };
}

const tokensFigure = {
  id: "tokens", kind: KIND_2D, title: "Which tokens carry the largest values",
  see: () => chosenTokens().map((entry) => (report.runs.length > 1 ? entry.run.label + ": " : "") +
    entry.site.tokens.see).join("\n") + (tokensKept() ? "\nDots are means of the largest |x| over all " +
    "occurrences of a token, bars one standard deviation; stars hold massive values." : ""),
  controls: (change) => {
    const entries = tokensKept() ? chosenTokens() : [];
    const longest = entries.reduce((a, b) =>
      (a && a.site.tokens.layers.length >= b.site.tokens.layers.length ? a : b), null);
    if (!longest || longest.site.tokens.layers.length < 2) return [];
    return [slider("Layer", longest.site.tokens.layers.length, entries[0].layer,
      (at) => layerName(longest.site, at).replace("layer ", ""),
      (at) => { tokenState.layer = at; change(); })];
  },
  chart: (theme, width) => {
    const entries = chosenTokens();
    if (!tokensKept()) return { data: [], layout: {}, height: 0 };
    const most = entries.reduce((a, { list }) => Math.max(a, list.rows.length), 4);
    const shown = Math.min(most, SHOWN_TOKENS);
    const x = sizeAxis(width < 600 || (entries.length > 1 && width < 1000) ? "largest |x|, mean ± dev." :
      "largest |x| at the token, mean ± deviation", true);
    const frame = panels(entries, width, theme, { height: 30 + 26 * shown, own: true, x, y: {
      range: [shown - 0.5, -0.5], title: { text: "token", standoff: 12 },
      tickfont: { family: 'ui-monospace, "DejaVu Sans Mono", monospace' } } });
    entries.forEach((entry, at) => {
      const rows = entry.list.rows.slice(0, SHOWN_TOKENS);
      Object.assign(frame.layout["yaxis" + (at ? at + 1 : "")], { tickvals: rows.map((_, row) => row),
        ticktext: rows.map((row) =>
          plotText(cut(tokenText(entry.run, row.token), width < 600 ? 12 : 24))) });
    });
    return { data: entries.map((entry, at) => tokenTrace(entry, theme, frame.axesOf(at))),
      layout: frame.layout, height: frame.height,
      note: entries.map(({ list }) => `${list.distinct} different tokens occur; shown are the ` +
        `${Math.min(list.rows.length, SHOWN_TOKENS)} with the largest values, in the table ` +
        `${list.rows.length}.`).filter((text, at, all) => all.indexOf(text) === at).join(" ") };
  },
  table: () => ({ columns: [{ name: "run", kind: "text" }, ...numbers("layer"),
    { name: "token", kind: "token" }, { name: "piece", kind: "token" },
    ...numbers("id", "occurrences", "mean |x|", "deviation", "largest value", "channel", "position",
      "sequence", "massive values", "their mean", "their deviation")],
  rows: chosenTokens().flatMap(({ run, site, layer, list }) => list.rows.map((row) => [run.label,
    site.layers === null ? null : site.layers[layer], tokenText(run, row.token),
    (run.tokens[row.token] || {}).piece, row.token, row.occurrences, row.mean, row.deviation,
    row.value, row.channel, row.position, row.sequence, row.massive, row.massive_mean,
    row.massive_deviation])) }),
};
