"use strict";
// What `tepui attention` measured: what keys receive, what the tokens' part of the output is, what
// attention reads, and maps. Branches of all runs are chosen in one list.

const attentionState = { branch: 0, map: 0, values: "probabilities" };

// Every branch of every run that has any: {run, index, branch, name}.
function attentionBranches() {
  return report.runs.flatMap((run, index) => (run.attention && state.shown[index] ?
    run.attention.branches.map((branch) => ({ run, index, branch,
      name: (report.runs.length > 1 ? run.label + ": " : "") + branch.name })) : []));
}

// With all runs switched off, a branch without layers.
function chosenBranch() {
  const all = attentionBranches();
  return all[Math.min(attentionState.branch, all.length - 1)] ||
    { run: report.runs.find((run) => run.attention), branch: { layers: [] }, name: "" };
}

// What the tokens are whose part is told apart: those that --tokens chose, else massive ones.
const partName = (run) => (run?.attention?.chosen ? "chosen tokens" : "massive tokens");

function attentionBranchControl(change) {
  const all = attentionBranches();
  if (all.length < 2) return [];
  return [select("Branch", all.map((entry, at) => [at, entry.name]), attentionState.branch, (at) => {
    attentionState.branch = Number(at);
    rebuild(headsFigure, partsFigure, normsFigure);
    change();
  })];
}

function layerTicks(layers) {
  return { title: { text: "layer" }, tickformat: "d", dtick: layers.length <= 16 ? 1 : undefined };
}

function plainFrame(theme, x, y) {
  const grid = { gridcolor: theme.grid, zeroline: false, linecolor: theme.soft, automargin: true };
  return { xaxis: { ...grid, ...x }, yaxis: { ...grid, ...y } };
}

function meanOf(values) {
  return values.length ? values.reduce((a, b) => a + b, 0) / values.length : null;
}

const shareFigure = {
  id: "attention-share", kind: KIND_2D, title: "What massive or chosen tokens receive of attention",
  see: () => "The share that the tokens receive of the queries behind them, as a mean over heads and " +
    "sequences. Where massive activations appear in one layer, it rises in the next. Where there are " +
    "no such tokens, what the first key receives stands instead.",
  chart: (theme, width) => ({ height: width < 600 ? 320 : 420,
    data: attentionBranches().map(({ branch, name }, at) => {
      const style = runStyle(at, theme);
      return { type: "scatter", mode: "lines+markers", name, x: branch.layers.map((one) => one.layer),
        y: branch.layers.map((one) => one.share ?? meanOf(one.received)),
        line: { color: style.colour, dash: style.dash, width: 2 }, marker: { symbol: style.symbol, size: 7 },
        hovertemplate: "%{y:.3f}<br>layer %{x}<extra>" + plotText(cut(name, 40)) + "</extra>" };
    }),
    layout: plainFrame(theme, layerTicks(attentionBranches()[0]?.branch.layers || []),
      { title: { text: "share of attention" }, range: [-0.02, 1.02] }) }),
  table: () => ({ columns: [{ name: "branch", kind: "text" }, ...numbers("layer", "share",
    "key receives", "entropy")],
  rows: attentionBranches().flatMap(({ branch, name }) => branch.layers.map((one) =>
    [name, one.layer, one.share, meanOf(one.received), one.entropy])) }),
};

const headsFigure = {
  id: "attention-heads", kind: KIND_2D, title: "Sinks by layer and head",
  see: () => {
    const { run } = chosenBranch();
    const { sink } = run.attention;
    return `What key ${sink.key} receives of the first ${sink.tokens} queries, as a mean over them and over ` +
      `sequences; above ${sink.epsilon} it is a sink.`;
  },
  controls: attentionBranchControl,
  chart: (theme, width) => {
    const { branch } = chosenBranch();
    const heads = branch.layers[0]?.received.length || 0;
    return { height: Math.max(260, 90 + 22 * branch.layers.length),
      data: [{ type: "heatmap", x: Array.from({ length: heads }, (_, head) => head),
        y: branch.layers.map((one) => one.layer), z: branch.layers.map((one) => one.received),
        colorscale: COLOURS, zmin: 0, zmax: 1, colorbar: { outlinewidth: 0, thickness: width < 600 ? 10 : 14,
          tickfont: { color: theme.ink } },
        hovertemplate: "%{z:.3f}<br>layer %{y}, head %{x}<extra></extra>" }],
      layout: plainFrame(theme, { title: { text: "head" }, tickformat: "d", dtick: heads <= 16 ? 1 : undefined },
        { ...layerTicks(branch.layers), autorange: "reversed" }) };
  },
  table: () => {
    const { branch, name } = chosenBranch();
    return { columns: [{ name: "branch", kind: "text" }, ...numbers("layer", "head", "receives")],
      rows: branch.layers.flatMap((one) => one.received.map((value, head) =>
        [name, one.layer, head, value])) };
  },
};

const partsFigure = {
  id: "attention-parts", kind: KIND_2D, title: "The output, told apart by whose values it is",
  see: () => `Norms of what the values of ${partName(chosenBranch().run)} and those of all others give to attention's output, ` +
    "behind the projection. On the bars: the mean cosine of each query's vector to their mean. Near 1 the " +
    "part is one vector whatever the query: it acts as a bias.",
  controls: attentionBranchControl,
  chart: (theme, width) => {
    const { run, branch } = chosenBranch();
    const bars = (which, name, colour) => ({ type: "bar", name, x: branch.layers.map((one) => one.layer),
      y: branch.layers.map((one) => one[which]?.norm ?? null), marker: { color: theme.list[colour] },
      text: branch.layers.map((one) => (one[which] ? show(one[which].cosine) : "")),
      textposition: "outside", cliponaxis: false, textfont: { size: width < 600 ? 8 : 10, color: theme.ink },
      customdata: branch.layers.map((one) => one[which]?.variance ?? null),
      hovertemplate: `${name} %{y:.4~g}<br>cosine %{text}<br>relative variance %{customdata:.3~g}` +
        "<br>layer %{x}<extra></extra>" });
    const none = branch.layers.every((one) => one.part === null);
    return { height: width < 600 ? 340 : 420,
      data: none ? [] : [bars("part", partName(run), 0), bars("rest", "all others", 1)],
      note: none ? "There are no queries behind such tokens." : "",
      layout: { ...plainFrame(theme, layerTicks(branch.layers), { title: { text: "l2 norm" }, rangemode: "tozero" }),
        barmode: "group" } };
  },
  table: () => {
    const { run, branch, name } = chosenBranch();
    return { columns: [{ name: "branch", kind: "text" }, { name: "part", kind: "text" },
      ...numbers("layer", "norm", "cosine", "relative variance")],
    rows: branch.layers.flatMap((one) => ["part", "rest"].filter((which) => one[which]).map((which) =>
      [name, which === "part" ? partName(run) : "all others", one.layer, one[which].norm,
        one[which].cosine, one[which].variance])) };
  },
};

const READ_SITES = [["resid_pre", "hidden state"], ["attn_in", "normed input"], ["q", "q"], ["k", "k"], ["v", "v"]];

const normsFigure = {
  id: "attention-norms", kind: KIND_2D, title: "What attention reads: massive or chosen tokens against the others",
  see: () => `l2 norms over the layers: solid of the ${partName(chosenBranch().run)} (of position 0 where there are none), dotted ` +
    "the mean over all other tokens. q, k and v as means over heads.",
  controls: attentionBranchControl,
  chart: (theme, width) => {
    const { branch } = chosenBranch();
    const data = READ_SITES.flatMap(([site, name], at) => [0, 1].map((which) => ({
      type: "scatter", mode: "lines+markers", name: which ? name + ", others" : name, legendgroup: name,
      x: branch.layers.map((one) => one.layer), y: branch.layers.map((one) => one.norms[site][which]),
      line: { color: theme.list[at], dash: which ? "dot" : "solid", width: 2 },
      marker: { symbol: SYMBOLS[at], size: 6 },
      hovertemplate: `${name}${which ? ", others" : ""} %{y:.4~g}<br>layer %{x}<extra></extra>` })))
      .filter((trace) => trace.y.some((value) => value !== null));
    return { height: width < 600 ? 380 : 460, data,
      layout: plainFrame(theme, layerTicks(branch.layers), sizeAxis("l2 norm", true)) };
  },
  table: () => {
    const { run, branch, name } = chosenBranch();
    return { columns: [{ name: "branch", kind: "text" }, { name: "site", kind: "text" },
      ...numbers("layer", partName(run), "others")],
    rows: READ_SITES.flatMap(([site]) => branch.layers.map((one) => [name, site, one.layer, ...one.norms[site]])) };
  },
};

// Every map of every run: {run, map, name}.
function attentionMaps() {
  return report.runs.flatMap((run, index) => (run.attention && state.shown[index] ?
    run.attention.maps.all.map((map) => ({ run, map, name: (report.runs.length > 1 ? run.label + ": " : "") +
      `layer ${map.layer}, ${map.head === null ? "mean over heads" : "head " + map.head}` +
      (run.attention.branches.length > 1 ? `, ${run.attention.branches[map.branch].name}` : "") +
      `, sequence ${map.sequence}` })) : []));
}

function chosenMap() {
  const all = attentionMaps();
  return all[Math.min(attentionState.map, all.length - 1)];
}

// The rows of a map from its cells; null above the diagonal.
function mapRows(map) {
  const cells = map[attentionState.values];
  let at = 0;
  return map.ids.map((_, row) => map.ids.map((__, column) => (column > row ? null : cells[at++])));
}

const mapFigure = {
  id: "attention-map", kind: KIND_2D, title: "Attention map",
  see: () => "What each query (downward) gives to each key (to the right). Lines mark massive or chosen tokens.",
  controls: (change) => {
    const all = attentionMaps();
    return [all.length > 1 ? select("Map", all.map((entry, at) => [at, entry.name]), attentionState.map, (at) => {
      attentionState.map = Number(at);
      change();
    }) : null,
    select("Values", [["probabilities", "probabilities"], ["scores", "scores before the softmax"]],
      attentionState.values, (values) => {
        attentionState.values = values;
        change();
      })];
  },
  chart: (theme, width) => {
    const chosen = chosenMap();
    if (!chosen) return { height: 360, data: [], layout: {} };
    const { run, map, name } = chosen;
    const rows = mapRows(map);
    const text = map.ids.map((id) => plotText(cut(tokenText(run, id), 24)));
    const side = map.ids.length;
    const line = (at, down) => ({ type: "line", layer: "above", line: { color: theme.list[0], width: 1, dash: "dot" },
      ...(down ? { x0: at, x1: at, y0: at, y1: side - 0.5 } : { x0: -0.5, x1: at, y0: at, y1: at }) });
    const height = Math.min(760, Math.max(360, width * 0.8));
    const named = text.map((_, at) => at).filter((at) => at % Math.ceil((14 * side) / (height - 140)) === 0);
    const ticks = side <= 32 ? { tickvals: named, ticktext: named.map((at) => text[at]) } : {};
    const left = run.attention.maps.left_out;
    return { height,
      data: [{ type: "heatmap", z: rows, colorscale: COLOURS, hoverongaps: false,
        ...(attentionState.values === "probabilities" ? { zmin: 0, zmax: 1 } : {}),
        customdata: rows.map((_, row) => rows.map((__, column) => [text[row], text[column]])),
        colorbar: { outlinewidth: 0, thickness: width < 600 ? 10 : 14, tickfont: { color: theme.ink } },
        hovertemplate: "%{z:.4~g}<br>query %{y} %{customdata[0]}<br>key %{x} %{customdata[1]}<extra></extra>" }],
      layout: { ...plainFrame(theme, { title: { text: "key" }, ...ticks, constrain: "domain" },
        { title: { text: "query" }, autorange: "reversed", scaleanchor: "x", constrain: "domain", ...ticks }),
      shapes: map.marked.filter((at) => at < side).flatMap((at) => [line(at, true), line(at, false)]) },
      note: name + "." + (left ? ` ${left} maps are left out of the page; tepui export has all.` : "") };
  },
  table: () => {
    const { run, map } = chosenMap() || { map: { ids: [], scores: [], probabilities: [] } };
    const rows = mapRows(map);
    return { columns: [...numbers("query"), { name: "query token", kind: "token" }, ...numbers("key"),
      { name: "key token", kind: "token" }, ...numbers(attentionState.values)],
    rows: rows.flatMap((row, query) => row.slice(0, query + 1).map((value, key) =>
      [query, tokenText(run, map.ids[query]), key, tokenText(run, map.ids[key]), value])) };
  },
};

function addAttentionFigures() {
  if (!report.runs.some((run) => run.attention)) return;
  addFigure(shareFigure);
  addFigure(headsFigure);
  addFigure(partsFigure);
  addFigure(normsFigure);
  if (report.runs.some((run) => run.attention && run.attention.maps.all.length)) addFigure(mapFigure);
}
