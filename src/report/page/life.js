"use strict";
// The life of one activation over the layers against ordinary channels, a panel a run.

const lifeState = { life: 0 };

// The chosen activation of each run: {run, site, index, life}.
function chosenLives() {
  return shownRuns().filter((entry) => entry.site.life.lives.length > 0).map((entry) => {
    const { lives } = entry.site.life;
    return { ...entry, life: lives[Math.min(lifeState.life, lives.length - 1)] };
  });
}

function lifeName(run, life) {
  return `channel ${life.channel} at ${cut(tokenText(run, life.token), 24)}, position ` +
    `${life.position}, sequence ${life.sequence}`;
}

function isBounded(life) {
  return life.bounds.some((value) => value !== null);
}

function lifeTraces({ run, site, life }, theme, axes, legend, boundLegend) {
  const x = layerNumbers(site);
  const size = (value) => (value === null ? null : Math.abs(value));
  const line = (name, y, colour, dash, symbol) => ({ type: "scatter", mode: "lines+markers", name, x,
    y: y.map(size), connectgaps: false, ...axes, legendgroup: name, showlegend: legend,
    line: { color: theme.list[colour], dash, width: 2 }, marker: { symbol, size: 6 },
    hovertemplate: `${name} %{y:.4~g}<br>layer %{x}<extra></extra>` });
  const main = line("the activation", life.values, 0, "solid", "circle");
  main.line.width = 3;
  main.marker.size = 9;
  main.text = life.values.map((value, at) => `x = ${show(value)}<br>${plotText(layerName(site, at))}` +
    `<br>${plotText(lifeName(run, life))}`);
  main.hovertemplate = "%{text}<extra></extra>";
  const bound = { ...line("no larger than", life.bounds, 0, "solid", "triangle-down-open"),
    mode: "markers", showlegend: boundLegend,
    marker: { symbol: "triangle-down-open", size: 11, color: theme.list[0] } };
  return [main, ...(isBounded(life) ? [bound] : []),
    line("largest other channel", life.ordinary.largest, 4, "dash", "square"),
    line("99 % of channels", life.ordinary.high, 2, "dashdot", "diamond"),
    line("median channel", life.ordinary.median, 1, "dot", "x")];
}

const lifeFigure = {
  id: "life", kind: KIND_2D, title: "The life of one activation against ordinary channels",
  see: () => {
    const entries = chosenLives();
    if (!entries.length) return "There is no activation to follow.";
    return entries.map(({ run, life }) => (report.runs.length > 1 ? run.label + ": " : "Followed is ") +
      lifeName(run, life) + ".").join("\n") + "\nWhere the line leaves those of the other channels the " +
      "activation is born, where it falls back it dies. Ordinary channels: the largest |x| of each " +
      "other channel in the sequence, their median, 99 % quantile and maximum.";
  },
  controls: (change) => {
    const entries = chosenLives();
    const most = entries.reduce((a, { site }) => Math.max(a, site.life.lives.length), 0);
    if (most < 2) return [];
    const names = Array.from({ length: most }, (_, at) => [at, entries.length === 1 ?
      lifeName(entries[0].run, entries[0].site.life.lives[at]) : `channel number ${at + 1} by size`]);
    return [select("Activation", names, Math.min(lifeState.life, most - 1),
      (value) => { lifeState.life = Number(value); change(); })];
  },
  chart: (theme, width) => {
    const entries = chosenLives();
    const frame = panels(entries, width, theme, { x: layerAxis(entries), y: sizeAxis("|x|", true) });
    const bounded = entries.findIndex(({ life }) => isBounded(life));
    return { data: entries.flatMap((entry, at) =>
      lifeTraces(entry, theme, frame.axesOf(at), at === 0, at === bounded)),
    layout: frame.layout, height: frame.height };
  },
  table: () => ({ columns: [{ name: "run", kind: "text" }, { name: "activation", kind: "text" },
    ...numbers("layer", "value", "|x| no larger than", "median channel", "99 % of channels",
      "largest other channel")],
  rows: chosenLives().flatMap(({ run, site, life }) => layerNumbers(site).map((layer, at) =>
    [run.label, lifeName(run, life), site.layers === null ? null : layer, life.values[at],
      life.bounds[at], life.ordinary.median[at], life.ordinary.high[at],
      life.ordinary.largest[at]])) }),
};
