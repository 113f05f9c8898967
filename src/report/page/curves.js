"use strict";
// Top-1, top-2, top-3 and the median over layers, a panel a run; and runs on one axis.

const curveState = { scale: "log", ratio: false, quantity: "top1", depth: "layer" };

function largestText(run, curves, at) {
  const top = curves.largest[at];
  if (!top) return "";
  return `<br>largest ${show(top.value)} at token ${plotText(cut(tokenText(run, top.token), 30))}` +
    `<br>sequence ${top.sequence}, position ${top.position}, channel ${top.channel}`;
}

const anyMassive = (entry) => entry.site.curves.massive_sequences.some((count) => count > 0);

function curveTraces(entry, theme, axes, legend, massiveLegend) {
  const { run, site } = entry;
  const curves = site.curves;
  const x = layerNumbers(site);
  const many = x.length > 24;
  const scaled = (list) => list.map((value, at) =>
    (value === null ? null : curveState.ratio ? value / curves.median[at] : value));
  const hover = (at) => plotText(layerName(site, at)) + largestText(run, curves, at);
  const lines = [["top-1", curves.top[0], 0], ["top-2", curves.top[1], 4],
    ["top-3", curves.top[2], 2], ["median", curves.median, 1]];
  const traces = lines.map(([name, list, colour], rank) => ({
    type: "scatter", mode: "lines+markers", name, x, y: scaled(list), ...axes,
    line: { color: theme.list[colour], width: rank === 0 ? 2.5 : 2, dash: DASHES[rank] },
    marker: { symbol: SYMBOLS[rank], size: many ? 4 : 7 }, legendgroup: name, showlegend: legend,
    text: x.map((_, at) => hover(at)),
    hovertemplate: `<b>${name}</b> %{y:.4~g}<br>%{text}<extra></extra>` }));
  const massive = x.filter((_, at) => curves.massive_sequences[at] > 0);
  traces.push({ type: "scatter", mode: "markers", name: "massive by the rule", x: massive,
    y: scaled(curves.top[0]).filter((_, at) => curves.massive_sequences[at] > 0), ...axes,
    marker: { symbol: "circle-open", size: many ? 9 : 15, color: theme.ink,
      line: { width: many ? 1 : 2 } },
    hoverinfo: "skip", legendgroup: "massive", showlegend: massiveLegend });
  return traces;
}

function curvesTable() {
  const rows = [];
  for (const { run, site } of shownRuns())
    layerNumbers(site).forEach((layer, at) => {
      const curves = site.curves;
      const top = curves.largest[at] || {};
      rows.push([run.label, site.layers === null ? null : layer, curves.median[at],
        curves.top[0][at], curves.top[1][at], curves.top[2][at],
        curves.top[0][at] === null ? null : curves.top[0][at] / curves.median[at],
        curves.massive_sequences[at], curves.sequences[at], tokenText(run, top.token),
        top.position, top.channel, top.value]);
    });
  return { columns: [{ name: "run", kind: "text" },
    ...numbers("layer", "median", "top-1", "top-2", "top-3", "top-1 / median", "massive in",
      "of sequences"), { name: "token of the largest", kind: "token" },
    ...numbers("position", "channel", "largest value")], rows };
}

const curvesFigure = {
  id: "layers", kind: KIND_2D,
  title: "Top-1, top-2, top-3 and median of |x| over the layers",
  see: () => shownRuns().map(({ run, site }) =>
    (report.runs.length > 1 ? run.label + ": " : "") + site.curves.see).join("\n"),
  controls: (change) => [
    select("Scale", [["log", "logarithmic"], ["linear", "linear"]], curveState.scale,
      (value) => { curveState.scale = value; change(); }),
    checkbox("in medians of the layer", curveState.ratio,
      (on) => { curveState.ratio = on; change(); })],
  chart: (theme, width) => {
    const entries = shownRuns();
    const unit = curveState.ratio ? "|x| / median of |x|" : "|x|, mean over sequences";
    const frame = panels(entries, width, theme,
      { x: layerAxis(entries), y: sizeAxis(unit, curveState.scale === "log") });
    return { data: entries.flatMap((entry, at) =>
      curveTraces(entry, theme, frame.axesOf(at), at === 0, at === entries.findIndex(anyMassive))),
    layout: frame.layout, height: frame.height };
  },
  table: curvesTable,
};

const QUANTITIES = {
  top1: ["top-1 |x|", (c) => c.top[0]], top2: ["top-2 |x|", (c) => c.top[1]],
  top3: ["top-3 |x|", (c) => c.top[2]], median: ["median of |x|", (c) => c.median],
  ratio: ["top-1 / median of |x|", (c) => c.top[0].map((v, at) => v === null ? null :
    v / c.median[at])],
  massive: ["share of sequences with massive values",
    (c) => c.massive_sequences.map((n, at) => n / c.sequences[at])],
};

function depths(site) {
  const layers = layerNumbers(site);
  if (curveState.depth === "layer") return layers;
  const last = Math.max(...layers, 1);
  return layers.map((layer) => layer / last);
}

const compareFigure = {
  id: "compare", kind: KIND_2D, title: "The runs on one axis",
  see: () => "The same quantity of all runs: what differs between models, texts, BOS or backends " +
    "shows as lines that part. Lines that cover each other agree.",
  controls: (change) => [
    select("Quantity", Object.entries(QUANTITIES).map(([key, [name]]) => [key, name]),
      curveState.quantity, (value) => { curveState.quantity = value; change(); }),
    select("Over", [["layer", "layer number"], ["share", "share of the depth"]], curveState.depth,
      (value) => { curveState.depth = value; change(); })],
  chart: (theme) => {
    const entries = shownRuns();
    const [name, pick] = QUANTITIES[curveState.quantity];
    const data = entries.map((entry) => {
      const style = runStyle(entry.index, theme);
      return { type: "scatter", mode: "lines+markers", name: plotText(cut(entry.run.label, 60)),
        x: depths(entry.site), y: pick(entry.site.curves),
        line: { color: style.colour, dash: style.dash, width: 2.5 },
        marker: { symbol: style.symbol, size: 8 },
        text: layerNumbers(entry.site).map((_, at) => plotText(layerName(entry.site, at)) +
          largestText(entry.run, entry.site.curves, at)),
        hovertemplate: "%{y:.4~g}<br>%{text}<extra>%{fullData.name}</extra>" };
    });
    const grid = { gridcolor: theme.grid, linecolor: theme.soft, zeroline: false, automargin: true };
    const x = curveState.depth === "layer" ? layerAxis(entries) :
      { title: { text: "share of the depth (0 first layer, 1 last)" } };
    return { data, height: 460, layout: { xaxis: { ...grid, ...x },
      yaxis: { ...grid, ...sizeAxis(name, curveState.quantity !== "massive") } } };
  },
  table: () => {
    const [name, pick] = QUANTITIES[curveState.quantity];
    const entries = shownRuns();
    return { columns: [{ name: "run", kind: "text" }, ...numbers("layer", name)],
      rows: entries.flatMap(({ run, site }) => pick(site.curves).map((value, at) =>
        [run.label, site.layers === null ? null : site.layers[at], value])) };
  },
};
