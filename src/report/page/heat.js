"use strict";
// |activation| over tokens x channels of one layer and sequence as a heat map, a panel a run.

// Rings around what is massive by the rule, which may be one element in ten thousand.
const MOST_RINGS = 200;
function massiveRings(run, surface, theme, axes) {
  const { min_abs, min_ratio } = run.rule;
  const cells = surface.values.map((value, at) => at).filter((at) => {
    const size = Math.abs(surface.values[at]);
    return size > min_abs && size > min_ratio * surface.median;
  }).slice(0, MOST_RINGS).map((at) =>
    cellName(run, surface, Math.floor(at / surface.columns), at % surface.columns));
  return { type: "scatter", mode: "markers", name: "massive by the rule",
    x: cells.map((cell) => cell.channel), y: cells.map((cell) => cell.position), cliponaxis: false, ...axes,
    marker: { symbol: "circle-open", size: 16, color: theme.list[0], line: { width: 2.5 } },
    hoverinfo: "skip", showlegend: false };
}

function heatTraces({ entry, surface }, theme, width, axes, bar) {
  const grid = surfaceGrid(entry.run, surface);
  const { cmin, cmax, ...rest } = bar;
  return [{ type: "heatmap", x: grid.x, y: grid.y, text: grid.text, ...rest, ...axes, zmin: cmin,
    zmax: cmax, showscale: axes.xaxis === undefined,
    z: grid.z.map((row) => row.map((size) => (size > 0 ? Math.log10(size) : cmin))),
    hovertemplate: "%{text}<extra></extra>" }, massiveRings(entry.run, surface, theme, axes)];
}

const heatFigure = {
  id: "heat", kind: KIND_2D, title: "|activation| over tokens and channels, as a heat map",
  see: () => {
    const all = surfaceRuns().map(surfaceOf);
    if (!all.length) return surfaceSee();
    return all.map((chosen) => surfacePlace(chosen) + ".").join("\n") + "\nChannels that stand out at " +
      "every token are vertical lines, tokens that stand out are horizontal ones; what is massive by " +
      "the rule is ringed.";
  },
  controls: (change) => surfaceControls(change, false),
  chart: (theme, width) => {
    const all = surfaceRuns().map(surfaceOf);
    if (!all.length) return { data: [], layout: {}, height: 0 };
    const most = (key) => Math.max(...all.map(({ surface }) => surface[key]));
    const frame = panels(all.map(({ entry }) => entry), width, theme, {
      height: width < 600 ? 320 : 460,
      x: { title: { text: "channel" }, range: [-0.5, most("channels") - 0.5] },
      y: { title: { text: "position (token)" }, range: [most("tokens") - 0.5, -0.03 * most("tokens")] } });
    const bar = colourBar(surfaceRange(all), theme, width, frame.above);
    return { height: frame.height, layout: frame.layout,
      data: all.flatMap((chosen, at) => heatTraces(chosen, theme, width, frame.axesOf(at), bar)),
      note: [...new Set(all.map(({ entry, surface }) => surfaceNote(surface, entry.site)))].join(" ") };
  },
  table: () => surfaceTable(surfaceRuns().map(surfaceOf)),
};
