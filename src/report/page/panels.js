"use strict";
// Small multiples: one panel a run, on shared axes, in as many columns as there is room for.
// {x, y, height: of a panel, own: true where each panel has a y axis of its own}

function panels(entries, width, theme, axes) {
  const columns = Math.max(1, Math.min(entries.length, width < 600 ? 1 : width < 1000 || axes.own ?
    2 : 3));
  const rows = Math.max(1, Math.ceil(entries.length / columns));
  const titled = entries.length > 1;
  const letters = Math.min(60, Math.floor((width - 80) / columns / 7.5));  // of a title, by its panel
  const height = axes.height || 380;
  const whole = rows * height;
  const layout = { annotations: [],
    legend: { ...LEGEND, y: 1 + (titled ? 26 : 8) / whole } };
  const gapX = axes.own ? 0.17 : 0.03;
  const gapY = (titled ? 62 : 30) / whole;
  const w = (1 - gapX * (columns - 1)) / columns;
  const h = (1 - gapY * (rows - 1)) / rows;
  entries.forEach((entry, at) => {
    const suffix = at === 0 ? "" : String(at + 1);
    const column = at % columns;
    const row = Math.floor(at / columns);
    const left = column * (w + gapX);
    const top = 1 - row * (h + gapY);
    const grid = { gridcolor: theme.grid, zeroline: false, linecolor: theme.soft, automargin: true };
    layout["xaxis" + suffix] = { ...grid, ...axes.x, domain: [left, left + w],
      anchor: "y" + suffix, matches: at ? "x" : undefined,
      title: row === rows - 1 || at + columns >= entries.length ? axes.x.title : undefined };
    layout["yaxis" + suffix] = { ...grid, ...axes.y, domain: [top - h, top],
      anchor: "x" + suffix, matches: at && !axes.own ? "y" : undefined,
      title: column === 0 ? axes.y.title : undefined, showticklabels: column === 0 || axes.own === true };
    if (titled)
      layout.annotations.push({ text: plotText(cutMiddle(entry.run.label, letters)), showarrow: false,
        xref: "paper", yref: "paper", x: left, y: top, xanchor: "left", yanchor: "bottom",
        font: { size: 12, color: theme.soft } });
  });
  return { layout, height: whole + 80, above: layout.legend.y, axesOf: (at) => (at === 0 ? {} :
    { xaxis: "x" + (at + 1), yaxis: "y" + (at + 1) }) };
}

// An axis of layers: whole numbers, or the name of a site that has none.
function layerAxis(entries) {
  if (entries.length && entries[0].site.layers === null)
    return { title: { text: "site" }, tickvals: [0], ticktext: [entries[0].site.site] };
  const most = Math.max(1, ...entries.map((entry) => layerNumbers(entry.site).length));
  return { title: { text: "layer" }, tickformat: "d", dtick: most <= 16 ? 1 : undefined };
}

function sizeAxis(title, log) {
  return { title: { text: title }, type: log ? "log" : "linear", tickformat: "~g" };
}

// Ticks of logarithmic axes: powers of ten, or closer ones where the values span little.
function tickLogAxes(chart) {
  for (const direction of ["x", "y"]) {
    const { least, most } = logColour(chart.data.flatMap((trace) => trace[direction] || []));
    const axes = Object.entries(chart.layout).filter(([name, axis]) =>
      name.startsWith(direction + "axis") && axis.type === "log");
    for (const [, axis] of axes)
      axis.dtick = most - least > 1.5 ? Math.ceil((most - least) / 8) : most - least > 0.5 ? "D2" :
        undefined;
  }
}

// log10 of sizes and where its ticks stand, for colours.
function logColour(sizes) {
  const logs = sizes.map((size) => (size > 0 ? Math.log10(size) : null));
  const known = logs.filter((value) => value !== null);
  const least = known.length ? known.reduce((a, b) => Math.min(a, b)) : 0;
  const most = known.length ? known.reduce((a, b) => Math.max(a, b)) : 1;
  return { logs, least, most };
}

// A bar of colours for |x| on a log scale: beside the chart, or where that is narrow above it, at
// the height `y`.
function sizeBar(least, most, theme, width, y) {
  const place = width < 600 ? { orientation: "h", x: 0.5, xanchor: "center", y, yanchor: "bottom",
    thickness: 10, title: { text: "|x|", side: "top" } } :
    { thickness: 14, len: 0.85, title: { text: "|x|", side: "right" } };
  return { ...place, ...powerTicks(least, most), outlinewidth: 0, tickfont: { color: theme.ink } };
}

function powerTicks(least, most) {
  const values = [];
  for (let power = Math.ceil(least); power <= Math.floor(most); ++power) values.push(power);
  if (values.length < 2) values.splice(0, values.length, least, most);
  return { tickvals: values, ticktext: values.map((value) => show(10 ** value)) };
}
