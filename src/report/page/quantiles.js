"use strict";
// How |x| is distributed in every layer: bands between quantiles, the median, and top-1 far above.

function quantileBands(fractions) {
  const bands = [];
  fractions.forEach((low, at) => {
    const high = fractions.findIndex((other) => Math.abs(other - (1 - low)) < 1e-9);
    if (low > 0 && low < 0.5 && high >= 0) bands.push([at, high]);
  });
  return bands;
}

function percent(fraction) {
  return show(fraction * 100) + " %";
}

function quantileTraces(entry, theme, axes, legend) {
  const { fractions, means } = entry.site.quantiles;
  const x = layerNumbers(entry.site);
  const traces = [];
  const shades = ["26", "40", "73"];
  quantileBands(fractions).forEach(([low, high], band) => {
    const name = `${percent(fractions[low])} to ${percent(fractions[high])}`;
    const common = { type: "scatter", mode: "lines", x, ...axes, legendgroup: name,
      line: { width: 0, color: theme.list[1] } };
    const label = (at) => `${percent(fractions[at])} quantile %{y:.4~g}<br>layer %{x}<extra></extra>`;
    traces.push({ ...common, y: means[low], showlegend: false, hovertemplate: label(low), name });
    traces.push({ ...common, y: means[high], fill: "tonexty", name, showlegend: legend,
      fillcolor: theme.list[1] + (shades[band] || "80"), hovertemplate: label(high) });
  });
  const line = (name, y, colour, dash) => traces.push({ type: "scatter", mode: "lines+markers",
    name, x, y, ...axes, legendgroup: name, showlegend: legend, marker: { size: 5 },
    line: { color: theme.list[colour], dash, width: 2 },
    hovertemplate: `${name} %{y:.4~g}<br>layer %{x}<extra></extra>` });
  fractions.forEach((fraction, at) => {
    const paired = fractions.some((other) => Math.abs(other - (1 - fraction)) < 1e-9);
    if (fraction === 0.5) line("median", means[at], 1, "solid");
    else if (!paired && fraction > 0.5) line(percent(fraction) + " quantile", means[at], 2, "dash");
  });
  line("top-1", entry.site.curves.top[0], 0, "dot");
  return traces;
}

const quantilesFigure = {
  id: "distributions", kind: KIND_2D, title: "Distribution of |x| in every layer",
  // A run of tepui intervene keeps the median alone.
  see: () => (shownRuns().some(({ site }) => quantileBands(site.quantiles.fractions).length) ?
    "Bands hold the middle of all |x| of a sequence, the lines above them its far end. " : "") +
    "The gap up to top-1 is what makes a value massive: it is no part of the distribution's tail.",
  chart: (theme, width) => {
    const entries = shownRuns();
    const frame = panels(entries, width, theme, { x: layerAxis(entries),
      y: sizeAxis("|x|, mean over sequences", true) });
    return { data: entries.flatMap((entry, at) =>
      quantileTraces(entry, theme, frame.axesOf(at), at === 0)),
    layout: frame.layout, height: frame.height };
  },
  table: () => {
    const entries = shownRuns();
    const fractions = entries.length ? entries[0].site.quantiles.fractions : [];
    return { columns: [{ name: "run", kind: "text" }, ...numbers("layer",
      ...fractions.map((f) => percent(f) + " quantile"), "top-1")],
    rows: entries.flatMap(({ run, site }) => layerNumbers(site).map((layer, at) =>
      [run.label, site.layers === null ? null : layer,
        ...fractions.map((f) => {
          const row = site.quantiles.fractions.indexOf(f);
          return row < 0 ? null : site.quantiles.means[row][at];
        }), site.curves.top[0][at]])) };
  },
};
