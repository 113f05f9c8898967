"use strict";
// Which tokens carry the largest values in a layer: mean and deviation over all occurrences.

const tokenState = { layer: null, run: null };
const SHOWN_TOKENS = 15;

function chosenTokens() {
  const entries = shownRuns();
  const entry = entries.find((one) => one.index === tokenState.run) || entries[0];
  if (!entry) return null;
  const count = entry.site.tokens.layers.length;
  const layer = tokenState.layer === null || tokenState.layer >= count ? peakLayer(entry.site) :
    tokenState.layer;
  return { entry, entries, layer, list: entry.site.tokens.layers[layer] };
}

const tokensFigure = {
  id: "tokens", kind: KIND_2D, title: "Which tokens carry the largest values",
  see: () => {
    const chosen = chosenTokens();
    return chosen ? chosen.entry.site.tokens.see + " Dots are means of the largest |x| over all " +
      "occurrences of a token, bars one standard deviation." : "No run is shown.";
  },
  controls: (change) => {
    const chosen = chosenTokens();
    if (!chosen) return [];
    const count = chosen.entry.site.tokens.layers.length;
    return [
      chosen.entries.length > 1 ? select("Run", chosen.entries.map((entry) =>
        [entry.index, cut(entry.run.label, 60)]), chosen.entry.index,
      (value) => { tokenState.run = Number(value); rebuild(tokensFigure); }) : null,
      count > 1 ? slider("Layer", count, chosen.layer,
        (at) => layerName(chosen.entry.site, at).replace("layer ", ""),
        (at) => { tokenState.layer = at; change(); }) : null];
  },
  chart: (theme, width) => {
    const chosen = chosenTokens();
    if (!chosen) return { data: [], layout: {}, height: 0 };
    const { run, index } = chosen.entry;
    const rows = chosen.list.rows.slice(0, SHOWN_TOKENS);
    const style = runStyle(index, theme);
    const at = rows.map((_, row) => row);
    return { height: 90 + 26 * Math.max(rows.length, 4),
      note: `${chosen.list.distinct} different tokens occur; shown are the ${rows.length} with the ` +
        `largest values, in the table ${chosen.list.rows.length}.`,
      data: [{ type: "scatter", mode: "markers", x: rows.map((row) => row.mean), y: at,
        error_x: { type: "data", array: rows.map((row) => row.deviation || 0),
          arrayminus: rows.map((row) => Math.min(row.deviation || 0, row.mean * 0.999)),
          color: theme.soft, thickness: 1.5, symmetric: false },
        marker: { size: 11, color: style.colour, symbol: rows.map((row) =>
          (row.massive ? "star" : "circle")) },
        text: rows.map((row) => `token ${plotText(tokenText(run, row.token))}` +
          `<br>mean ${show(row.mean)} ± ${show(row.deviation)} over ${row.occurrences} occurrences` +
          `<br>largest ${show(row.value)} in channel ${row.channel}, position ${row.position}` +
          `<br>${row.massive} massive values`),
        hovertemplate: "%{text}<extra></extra>", showlegend: false }],
      layout: { xaxis: { ...sizeAxis(width < 600 ? "largest |x|, mean ± dev." :
        "largest |x| at the token, mean ± deviation", true),
        gridcolor: theme.grid, automargin: true },
      yaxis: { autorange: "reversed", tickvals: at, automargin: true, gridcolor: theme.grid,
        zeroline: false, title: { text: "token", standoff: 12 },
        tickfont: { family: 'ui-monospace, "DejaVu Sans Mono", monospace' },
        ticktext: rows.map((row) => plotText(cut(tokenText(run, row.token), width < 600 ? 12 : 24))) } } };
  },
  table: () => {
    const chosen = chosenTokens();
    return { columns: [{ name: "token", kind: "token" }, { name: "piece", kind: "token" },
      ...numbers("id", "occurrences", "mean |x|", "deviation", "largest value", "channel",
        "position", "sequence", "massive values", "their mean", "their deviation")],
    rows: !chosen ? [] : chosen.list.rows.map((row) => [tokenText(chosen.entry.run, row.token),
      (chosen.entry.run.tokens[row.token] || {}).piece, row.token, row.occurrences, row.mean,
      row.deviation, row.value, row.channel, row.position, row.sequence, row.massive,
      row.massive_mean, row.massive_deviation]) };
  },
};
