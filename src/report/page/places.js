"use strict";
// Where the top values sit: layer x channel and layer x position.

// So that none is drawn over a larger one.
function smallestFirst(columns) {
  const order = columns.value.map((_, at) => at)
    .sort((a, b) => Math.abs(columns.value[a]) - Math.abs(columns.value[b]));
  return Object.fromEntries(Object.entries(columns).map(([name, list]) =>
    [name, Array.isArray(list) ? order.map((at) => list[at]) : list]));
}

function placeTraces(entry, columns, key, theme, axes, [least, most]) {
  const { run } = entry;
  columns = smallestFirst(columns);
  const sizes = columns.value.map(Math.abs);
  const { logs } = logColour(sizes);
  const scale = (value) => (value - least) / Math.max(most - least, 1e-9);
  return [{ type: "scatter", mode: "markers",
    x: columns.layer.map((layer) => (layer === null ? 0 : layer)), y: columns[key], ...axes,
    showlegend: false,
    marker: { size: logs.map((value) => 4 + 10 * scale(value)), color: logs, coloraxis: "coloraxis",
      line: { color: theme.ink, width: columns.massive.map((flag) => (flag ? 2 : 0.4)) },
      opacity: 1 },
    text: columns.value.map((value, at) => `x = ${show(value)}${columns.massive[at] ? ", massive" : ""}` +
      `<br>token ${plotText(cut(tokenText(run, columns.token[at]), 30))}` +
      `<br>layer ${columns.layer[at] === null ? "–" : columns.layer[at]}, channel ${columns.channel[at]}` +
      `<br>position ${columns.position[at]}, sequence ${columns.sequence[at]}` +
      `<br>the largest of ${columns.count[at]} top values here`),
    hovertemplate: "%{text}<extra></extra>" }];
}

// A little more than from 0 to the last one, so that no point is cut.
function placeRange(entries, part, key) {
  const most = entries.reduce((most, { site }) =>
    site.places[part][key].reduce((a, b) => Math.max(a, b), most), 1);
  return [-0.04 * most, 1.04 * most];
}

// Above markers a bar's title would move the x axis's onto the ticks (plotly.js 3.7): its first tick
// says what it is of.
function placeBar({ least, most }, theme, width, above) {
  const bar = sizeBar(least, most, theme, width, above);
  return width < 600 ? { ...bar, title: { text: "" }, ticktext: bar.ticktext.map((text, at) =>
    (at ? text : "|x| = " + text)) } : bar;
}

function placesFigure(id, part, key, title) {
  const listOf = (entry) => entry.site.places[part];
  return {
    id, kind: KIND_2D, title,
    see: () => shownRuns().map(({ run, site }) =>
      (report.runs.length > 1 ? run.label + ": " : "") + site.places.see).join("\n"),
    chart: (theme, width) => {
      const entries = shownRuns();
      const all = logColour(entries.flatMap((entry) => listOf(entry).value.map(Math.abs)));
      const frame = panels(entries, width, theme, { height: 440, x: layerAxis(entries),
        y: { title: { text: key }, range: placeRange(entries, part, key) } });
      const left = entries.reduce((sum, entry) => sum + listOf(entry).left_out, 0);
      return { data: entries.flatMap((entry, at) =>
        placeTraces(entry, listOf(entry), key, theme, frame.axesOf(at), [all.least, all.most])),
      layout: { ...frame.layout, coloraxis: { colorscale: COLOURS, cmin: all.least, cmax: all.most,
        colorbar: placeBar(all, theme, width, frame.above) } }, height: frame.height,
      note: "Of each sequence's largest |x|; outlined ones are massive by the rule." +
        (left ? ` ${left} weaker places are left out.` : "") };
    },
    table: () => ({ columns: [{ name: "run", kind: "text" },
      ...numbers("layer", "channel", "position", "value"), { name: "token", kind: "token" },
      ...numbers("sequence", "top values here", "massive")],
    rows: shownRuns().flatMap((entry) => {
      const list = listOf(entry);
      return list.value.map((value, at) => [entry.run.label, list.layer[at], list.channel[at],
        list.position[at], value, tokenText(entry.run, list.token[at]), list.sequence[at],
        list.count[at], list.massive[at]]);
    }) }),
  };
}

const channelFigure = placesFigure("channels", "by_channel", "channel",
  "Which channels hold the top values");
const positionFigure = placesFigure("positions", "by_position", "position",
  "Which positions hold the top values");
