"use strict";
// What `tepui origin` measured: the life of a massive activation as the sum of what is added to it,
// and how close every site comes to the end of f16.

const originState = { life: 0 };

// Every life of every run: {run, life, name}.
function originLives() {
  return report.runs.flatMap((run, index) => (run.origin && state.shown[index] ?
    run.origin.lives.map((life) => ({ run, life,
      name: (report.runs.length > 1 ? run.label + ": " : "") + `channel ${life.channel} of ` +
        `${cut(tokenText(run, life.token), 24)}, ${life.first ? "position 0" : "other positions"}` })) : []));
}

function chosenOrigin() {
  const all = originLives();
  return all[Math.min(originState.life, all.length - 1)];
}

const originFigure = {
  id: "origin-life", kind: KIND_2D, title: "The life of one massive activation: what writes it, what removes it",
  see: () => {
    const chosen = chosenOrigin();
    if (!chosen) return "No activation of the residual stream is massive.";
    const { life } = chosen;
    return "Bars: what attention and MLP of each layer add to the element; line: the residual stream behind the " +
      `layer, their sum with the embedding (${show(life.embedding)}). Point at a bar for the neuron or head that ` +
      `carries it. Shown is the largest, at position ${life.position} of sequence ${life.sequence}; ` +
      `${life.sequences} ${life.sequences === 1 ? "sequence has" : "sequences have"} such.`;
  },
  controls: (change) => {
    const all = originLives();
    if (all.length < 2) return [];
    return [select("Activation", all.map((entry, at) => [at, entry.name]),
      Math.min(originState.life, all.length - 1), (at) => {
        originState.life = Number(at);
        change();
      })];
  },
  chart: (theme, width) => {
    const chosen = chosenOrigin();
    if (!chosen) return { height: 360, data: [], layout: {} };
    const { life } = chosen;
    const layers = life.layers.map((_, at) => at);
    const bars = (which, by, name, colour) => ({ type: "bar", name, x: layers,
      y: life.layers.map((one) => one[which]), marker: { color: theme.list[colour] },
      customdata: life.layers.map((one) => plotText(one[by])),
      hovertemplate: `${name} of layer %{x} adds %{y:.4~g}<br>%{customdata}<extra></extra>` });
    return { height: width < 600 ? 360 : 460,
      data: [bars("attention", "by_attention", "attention", 1), bars("mlp", "by_mlp", "MLP", 0),
        { type: "scatter", mode: "lines+markers", name: "residual stream", x: layers,
          y: life.layers.map((one) => one.resid_post), line: { color: theme.ink, width: 2 },
          marker: { symbol: "circle", size: 6 },
          hovertemplate: "resid_post of layer %{x}: %{y:.4~g}<extra></extra>" }],
      layout: { ...plainFrame(theme, layerTicks(layers), { title: { text: "value" } }), barmode: "relative" },
      note: chosen.run.origin.left_out ?
        `${chosen.run.origin.left_out} more are left out of the page; tepui export has all.` : "" };
  },
  table: () => ({ columns: [{ name: "activation", kind: "text" }, ...numbers("layer", "attention", "MLP",
    "residual stream"), { name: "attention by", kind: "text" }, { name: "MLP by", kind: "text" }],
  rows: originLives().flatMap(({ life, name }) => life.layers.map((one, at) =>
    [name, at, one.attention, one.mlp, one.resid_post, one.by_attention, one.by_mlp])) }),
};

// The runs that have ranges: [{run, index}].
function rangedRuns() {
  return report.runs.map((run, index) => ({ run, index }))
    .filter(({ run, index }) => run.origin && state.shown[index]);
}

const rangesFigure = {
  id: "origin-ranges", kind: KIND_2D, title: "How close each site comes to the end of f16",
  see: () => {
    const beyond = rangedRuns().flatMap(({ run }) => run.origin.ranges
      .filter((one) => Math.abs(one.value) > run.origin.limit)
      .map((one) => `${one.site}${one.layer === null ? "" : "." + one.layer} ` +
        `(${show(Math.abs(one.value) / run.origin.limit)} times)`));
    return "The largest |x| of every site over the layers, on a logarithmic scale; the line is the largest f16, " +
      "65504. " + (beyond.length ? `Beyond it: ${beyond.slice(0, 12).join(", ")}` +
        `${beyond.length > 12 ? " and " + (beyond.length - 12) + " more" : ""}.` : "No value leaves it.");
  },
  chart: (theme, width) => {
    const data = rangedRuns().flatMap(({ run }) => {
      const sites = [...new Set(run.origin.ranges.filter((one) => one.layer !== null).map((one) => one.site))];
      return sites.map((site, at) => {
        const own = run.origin.ranges.filter((one) => one.site === site);
        const name = (rangedRuns().length > 1 ? run.label + ": " : "") + site;
        return { type: "scatter", mode: "lines+markers", name, x: own.map((one) => one.layer),
          y: own.map((one) => Math.abs(one.value)),
          line: { color: theme.list[at % theme.list.length], width: 2,
            dash: DASHES[Math.floor(at / theme.list.length) % DASHES.length] },
          marker: { symbol: SYMBOLS[at % SYMBOLS.length], size: 6 },
          customdata: own.map((one) => [plotText(cut(tokenText(run, one.token), 24)), one.position, one.channel]),
          hovertemplate: `${plotText(name)} %{y:.4~g}<br>layer %{x}, %{customdata[0]} at position ` +
            "%{customdata[1]}, channel %{customdata[2]}<extra></extra>" };
      });
    });
    const limit = rangedRuns()[0]?.run.origin.limit;
    const layers = [...new Set(data.flatMap((trace) => trace.x))];
    return { height: width < 600 ? 460 : 520, data,
      layout: { ...plainFrame(theme, layerTicks(layers), sizeAxis("largest |x|", true)),
        shapes: limit === undefined ? [] : [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: limit, y1: limit,
          line: { color: theme.ink, width: 1, dash: "dot" } }] } };
  },
  table: () => ({ columns: [{ name: "run", kind: "text" }, { name: "site", kind: "text" }, ...numbers("layer",
    "largest", "times f16's largest", "position", "channel"), { name: "token", kind: "token" }],
  rows: rangedRuns().flatMap(({ run }) => run.origin.ranges.map((one) => [run.label, one.site, one.layer, one.value,
    Math.abs(one.value) / run.origin.limit, one.position, one.channel, tokenText(run, one.token)])) }),
};

function addOriginFigures() {
  if (!report.runs.some((run) => run.origin)) return;
  addFigure(originFigure);
  addFigure(rangesFigure);
}
