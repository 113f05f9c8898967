"use strict";
// What `tepui probe` found: scores over the layers beside what a probe reads by itself, and how many
// bits the labels take.

const probeState = { target: 0, series: 0 };

function probedRuns() {
  return report.runs.map((run, index) => ({ run, index }))
    .filter(({ run, index }) => run.probes && state.shown[index]);
}

// Every series of every run: {run, series, target, name}.
function probeSeries() {
  const several = probedRuns().length > 1;
  return probedRuns().flatMap(({ run }) => run.probes.series.map((series) => ({ run, series,
    target: series.target, name: (several ? run.label + ": " : "") +
      `${series.probe}, ${series.features}, ${series.site}` })));
}

function probeTargets() {
  return [...new Set(probeSeries().map((one) => one.target))];
}

function seriesOfTarget() {
  const targets = probeTargets();
  const target = targets[Math.min(probeState.target, targets.length - 1)];
  return probeSeries().filter((one) => one.target === target);
}

function chosenSeries() {
  const all = seriesOfTarget();
  return all[Math.min(probeState.series, all.length - 1)];
}

function probeControls(change) {
  const targets = probeTargets();
  const all = seriesOfTarget();
  return [targets.length > 1 ? select("Target", targets.map((one, at) => [at, one]), probeState.target, (at) => {
    probeState.target = Number(at);
    probeState.series = 0;
    rebuild(probeFigure, probeAllFigure, codeFigure);
  }) : null,
  all.length > 1 ? select("Probe", all.map((one, at) => [at, one.name]), probeState.series, (at) => {
    probeState.series = Number(at);
    rebuild(probeFigure, codeFigure);
    change();
  }) : null];
}

// A line over the places with the deviation over seeds as bars; nothing where there are no numbers.
function probeLine(series, values, name, colour, dash) {
  if (values.every((one) => one === null)) return [];
  const pairs = values.map((one) => (Array.isArray(one) ? one : [one, null]));
  return [{ type: "scatter", mode: "lines+markers", name: plotText(name), x: placesOf(series),
    y: pairs.map((one) => one[0]), line: { color: colour, dash, width: 2 }, marker: { size: 6 },
    error_y: { type: "data", array: pairs.map((one) => one[1] ?? 0), visible: pairs.some((one) => one[1]),
      color: colour, thickness: 1 },
    customdata: pairs.map((one) => one[1]),
    hovertemplate: `${plotText(name)} %{y:.4~g} \u00b1 %{customdata:.2~g}<br>layer %{x}<extra></extra>` }];
}

function placesOf(series) {
  return series.layers.map((layer) => (layer === null ? series.site : layer));
}

const probeFigure = {
  id: "probe-scores", kind: KIND_2D, title: "What a probe reads, beside what it reads by itself",
  see: () => {
    const chosen = chosenSeries();
    if (!chosen) return "No probe is shown.";
    return `${chosen.target}: means over ${chosen.run.probes.seeds} splits by sequence, bars their deviation. ` +
      "Selectivity is the score less that of the control task, whose labels say nothing of the text. What a random " +
      "model gives is in the tokens, not in what the model learnt.";
  },
  controls: probeControls,
  chart: (theme, width) => {
    const chosen = chosenSeries();
    if (!chosen) return { height: 360, data: [], layout: {} };
    const { series } = chosen;
    const lines = [["score", series.headline, 1, "solid"], ["selectivity", "selectivity", 0, "solid"],
      ["control", "control task", 3, "dash"], ["random_model", "random model", 2, "dash"],
      ["random_labels", "random labels", 4, "dot"],
      ["majority", series.headline === "r2" ? "mean" : "majority", 5, "dot"]];
    return { height: width < 600 ? 380 : 460,
      data: lines.flatMap(([which, name, colour, dash]) =>
        probeLine(series, series[which], name, theme.list[colour], dash)),
      layout: plainFrame(theme, layerTicks(series.layers), { title: { text: series.headline } }) };
  },
  table: () => ({ columns: [...["target", "probe", "features", "site"].map((name) => ({ name, kind: "text" })),
    ...numbers("layer", "score", "deviation", "majority", "selectivity", "deviation of it", "random model",
      "random labels", "MCC", "AUC", "false discovery rate")],
  rows: probeSeries().flatMap(({ series }) => series.layers.map((layer, at) =>
    [series.target, series.probe, series.features, series.site, layer, ...(series.score[at] || [null, null]),
      series.majority[at], ...(series.selectivity[at] || [null, null]), series.random_model[at]?.[0] ?? null,
      series.random_labels[at]?.[0] ?? null, series.mcc[at], series.roc_auc[at], series.fdr[at]])) }),
};

const probeAllFigure = {
  id: "probe-compare", kind: KIND_2D, title: "Probes and features on one axis",
  see: () => "The same target read by all probes and from all features. Where raw rows give less than standardised " +
    "ones, the massive channels stand in the way; what the massive channels alone give is in them.",
  chart: (theme, width) => {
    const all = seriesOfTarget();
    return { height: width < 600 ? 380 : 460,
      data: all.flatMap(({ series, name }, at) => probeLine(series, series.score, name,
        theme.list[at % theme.list.length], DASHES[Math.floor(at / theme.list.length) % DASHES.length])),
      layout: plainFrame(theme, layerTicks(all[0]?.series.layers || []),
        { title: { text: all[0]?.series.headline || "" } }) };
  },
  table: () => ({ columns: [{ name: "probe", kind: "text" }, ...numbers("layer", "score", "deviation")],
    rows: seriesOfTarget().flatMap(({ series, name }) => series.layers.map((layer, at) =>
      [name, layer, ...(series.score[at] || [null, null])])) }),
};

const CODES = [["bits", "task", 1], ["control_bits", "control task", 3], ["random_model_bits", "random model", 2]];

const codeFigure = {
  id: "probe-code", kind: KIND_2D, title: "How many bits the labels take",
  see: () => "The online code of the training labels: sent in growing portions, each coded by a probe trained on " +
    "those before it. The line is what they take without a probe. A short code means that the labels are easily " +
    "read, whatever the probe could learn by heart.",
  controls: probeControls,
  chart: (theme, width) => {
    const chosen = chosenSeries();
    const none = !chosen || chosen.series.bits.every((one) => one === null);
    if (none) return { height: 300, data: [], layout: {}, note: "Values have no such code, and none was asked for." };
    const { series } = chosen;
    const kilo = (one) => (one === null ? null : one / 1024);
    return { height: width < 600 ? 360 : 420,
      data: [...CODES.filter(([which]) => series[which].some((one) => one !== null)).map(([which, name, colour]) => ({
        type: "bar", name, x: placesOf(series), y: series[which].map((one) => kilo(one?.[0] ?? null)),
        error_y: { type: "data", array: series[which].map((one) => kilo(one?.[1] ?? 0)), color: theme.ink,
          thickness: 1 },
        marker: { color: theme.list[colour] },
        hovertemplate: `${name} %{y:.4~g} kbit<br>layer %{x}<extra></extra>` })),
      { type: "scatter", mode: "lines", name: "uniform", x: placesOf(series), y: series.uniform_bits.map(kilo),
        line: { color: theme.ink, width: 1, dash: "dot" }, hovertemplate: "uniform %{y:.4~g} kbit<extra></extra>" }],
      layout: { ...plainFrame(theme, layerTicks(series.layers), { title: { text: "codelength, kbit" },
        rangemode: "tozero" }), barmode: "group" } };
  },
  table: () => ({ columns: [...["target", "probe", "features", "site"].map((name) => ({ name, kind: "text" })),
    ...numbers("layer", "bits", "deviation", "of the control task", "of the random model", "uniform", "compression")],
  rows: probeSeries().flatMap(({ series }) => series.layers.map((layer, at) =>
    [series.target, series.probe, series.features, series.site, layer, ...(series.bits[at] || [null, null]),
      series.control_bits[at]?.[0] ?? null, series.random_model_bits[at]?.[0] ?? null, series.uniform_bits[at],
      series.compression[at]])) }),
};

function addProbeFigures() {
  if (!report.runs.some((run) => run.probes && run.probes.series.length)) return;
  addFigure(probeFigure);
  if (report.runs.some((run) => run.probes && run.probes.series.length > 1)) addFigure(probeAllFigure);
  const coded = (one) => one.bits.some((bits) => bits !== null);
  if (report.runs.some((run) => run.probes && run.probes.series.some(coded))) addFigure(codeFigure);
}
