"use strict";
// The life of one activation over the layers against ordinary channels.

const lifeState = { run: null, life: 0 };

function chosenLife() {
  const entries = shownRuns().filter((entry) => entry.site.life.lives.length > 0);
  const entry = entries.find((one) => one.index === lifeState.run) || entries[0];
  if (!entry) return null;
  const lives = entry.site.life.lives;
  return { entry, entries, lives, at: Math.min(lifeState.life, lives.length - 1),
    life: lives[Math.min(lifeState.life, lives.length - 1)] };
}

function lifeName(run, life) {
  return `channel ${life.channel} at ${cut(tokenText(run, life.token), 24)}, position ` +
    `${life.position}, sequence ${life.sequence}`;
}

const lifeFigure = {
  id: "life", kind: KIND_2D, title: "The life of one activation against ordinary channels",
  see: () => {
    const chosen = chosenLife();
    return chosen ? "Where the line leaves those of the other channels the activation is born, where " +
      "it falls back it dies. Ordinary channels: the largest |x| of each other channel in the " +
      "sequence, their median, 99 % quantile and maximum." : "There is nothing to follow.";
  },
  controls: (change) => {
    const chosen = chosenLife();
    if (!chosen) return [];
    return [
      chosen.entries.length > 1 ? select("Run", chosen.entries.map((entry) =>
        [entry.index, cut(entry.run.label, 60)]), chosen.entry.index, (value) => {
        lifeState.run = Number(value);
        rebuild(lifeFigure);
      }) : null,
      select("Activation", chosen.lives.map((life, at) =>
        [at, lifeName(chosen.entry.run, life)]), chosen.at,
      (value) => { lifeState.life = Number(value); change(); })];
  },
  chart: (theme, width) => {
    const chosen = chosenLife();
    if (!chosen) return { data: [], layout: {}, height: 0 };
    const { entry, life } = chosen;
    const x = layerNumbers(entry.site);
    const size = (value) => (value === null ? null : Math.abs(value));
    const line = (name, y, colour, dash, symbol) => ({ type: "scatter", mode: "lines+markers", name, x,
      y: y.map(size), connectgaps: false, line: { color: theme.list[colour], dash, width: 2 },
      marker: { symbol, size: 6 }, hovertemplate: `${name} %{y:.4~g}<br>layer %{x}<extra></extra>` });
    const main = line("the activation", life.values, 0, "solid", "circle");
    main.line.width = 3;
    main.marker.size = 9;
    main.text = life.values.map((value) => show(value));
    main.hovertemplate = "x = %{text}<br>layer %{x}<br>" +
      plotText(lifeName(entry.run, life)) + "<extra></extra>";
    const data = [main];
    if (life.bounds.some((bound) => bound !== null))
      data.push({ ...line("no larger than", life.bounds, 0, "solid", "triangle-down-open"),
        mode: "markers", marker: { symbol: "triangle-down-open", size: 11, color: theme.list[0] } });
    data.push(line("largest other channel", life.ordinary.largest, 4, "dash", "square"),
      line("99 % of channels", life.ordinary.high, 2, "dashdot", "diamond"),
      line("median channel", life.ordinary.median, 1, "dot", "x"));
    const grid = { gridcolor: theme.grid, linecolor: theme.soft, zeroline: false, automargin: true };
    return { data, height: width < 600 ? 440 : 460, layout: { xaxis: { ...grid, ...layerAxis([entry]) },
      yaxis: { ...grid, ...sizeAxis("|x|", true) } } };
  },
  table: () => {
    const chosen = chosenLife();
    const columns = numbers("layer", "value", "|x| no larger than", "median channel",
      "99 % of channels", "largest other channel");
    if (!chosen) return { columns, rows: [] };
    const { life, entry } = chosen;
    return { columns, note: lifeName(entry.run, life), rows: layerNumbers(entry.site).map((layer, at) =>
      [entry.site.layers === null ? null : layer, life.values[at], life.bounds[at],
        life.ordinary.median[at], life.ordinary.high[at], life.ordinary.largest[at]]) };
  },
};
