"use strict";
// Training runs and series of checkpoints: the loss, the ratio over steps and layers, and the layers
// at one step.

const trainingState = { scale: "log", steps: "linear", at: null, quantity: "sizes", measure: "ratio" };

// The runs that are shown and were trained, or watched: [{run, index, watched}].
function trainedRuns() {
  return report.runs.map((run, index) => ({ run, index })).filter(({ run, index }) =>
    state.shown[index] && run.training);
}

function watchedRuns() {
  return trainedRuns().filter(({ run }) => run.training.watched)
    .map((entry) => ({ ...entry, watched: entry.run.training.watched }));
}

// Step 0 has no place on a logarithmic axis: it stands at one half.
function stepsOf(steps) {
  return trainingState.steps === "log" ? steps.map((step) => (step > 0 ? step : 0.5)) : steps;
}

function stepAxis() {
  return { title: { text: "training step" }, type: trainingState.steps === "log" ? "log" : "linear",
    tickformat: "~g" };
}

function stepControl() {
  return select("Steps", [["linear", "linear"], ["log", "logarithmic (0 at ½)"]], trainingState.steps, (value) => {
    trainingState.steps = value;
    rebuild(lossFigure, curveFigure, boundaryFigure, spreadFigure);
  });
}

function lossTraces({ run, index }, several, theme) {
  const { log, evaluations } = run.training;
  const colour = (at) => (several ? runStyle(index, theme).colour : theme.list[at]);
  const name = (what) => (several ? `${run.label}: ${what}` : what);
  const line = (what, steps, values, style) => ({ type: "scatter", name: plotText(cut(name(what), 60)),
    x: stepsOf(steps), y: values, customdata: steps,
    hovertemplate: `%{y:.4f} nats<br>step %{customdata}<extra>${plotText(cut(name(what), 40))}</extra>`, ...style });
  const traces = [];
  if (log.step.length && !several)
    traces.push(line("each step", log.step, log.loss, { mode: "lines", line: { color: theme.soft, width: 1 } }));
  if (evaluations.step.length) {
    traces.push(line("training", evaluations.step, evaluations.training,
      { mode: "lines+markers", line: { color: colour(1), dash: "dash", width: 2 }, marker: { symbol: "square", size: 6 } }));
    traces.push(line("validation", evaluations.step, evaluations.validation,
      { mode: "lines+markers", line: { color: colour(0), width: 2.5 }, marker: { size: 7 } }));
  }
  const watched = run.training.watched;
  if (watched && !evaluations.step.length)
    traces.push(line("watched", watched.steps, watched.loss,
      { mode: "lines+markers", line: { color: colour(0), width: 2.5 }, marker: { size: 7 } }));
  return traces;
}

const lossFigure = {
  id: "training-loss", kind: KIND_2D, title: "Loss over training",
  see: () => trainedRuns().map(({ run }) => {
    const { evaluations, watched } = run.training;
    const name = report.runs.length > 1 ? run.label + ": " : "";
    if (evaluations.step.length)
      return `${name}${name ? "v" : "V"}alidation loss ${evaluations.validation.at(-1)?.toFixed(4)} nats a token at step ` +
        `${evaluations.step.at(-1)}, least ${Math.min(...evaluations.validation.filter((v) => v !== null)).toFixed(4)}.`;
    return watched ? `${name}${name ? "l" : "L"}oss on the text ${show(watched.loss.at(-1))} nats a token at step ` +
      `${watched.steps.at(-1)}.` : name + "nothing was evaluated.";
  }).join("\n"),
  controls: () => [stepControl()],
  chart: (theme, width) => {
    const entries = trainedRuns();
    const by = Math.max(1, ...entries.map(({ run }) => run.training.log.thinned));
    return { height: width < 600 ? 400 : 460,
      data: entries.flatMap((entry) => lossTraces(entry, entries.length > 1, theme)),
      layout: plainFrame(theme, stepAxis(), { title: { text: "loss, nats a token" } }),
      note: by > 1 && entries.length === 1 ? `The thin line has the mean of every ${by} steps.` : "" };
  },
  table: () => ({ columns: [{ name: "run", kind: "text" }, { name: "of", kind: "text" }, ...numbers("step", "training loss",
    "validation loss")],
  rows: trainedRuns().flatMap(({ run }) => [...run.training.evaluations.step.map((step, at) => [run.label, "evaluation",
    step, run.training.evaluations.training[at], run.training.evaluations.validation[at]]),
  ...(run.training.watched?.steps || []).map((step, at) =>
    [run.label, "watched sequences", step, null, run.training.watched.loss[at]])]) }),
};

const MEASURES = {
  ratio: ["largest |x| / median, mean over sequences of their ratios", (one) => one.ratio, true],
  top_median: ["mean largest |x| / mean median", (one) => one.top_median, true],
  top: ["largest |x|, mean over sequences", (one) => one.top, true],
  median: ["median of |x|, mean over sequences", (one) => one.median, true],
  sink_rate: ["sink rate: heads whose attention to the first token is above 0.3", (one) => one.sink_rate, false],
};

// Some of the watched steps, whose columns are all as wide.
function stepTicks(steps) {
  const by = Math.ceil(steps.length / 9);
  const at = steps.map((_, i) => i).filter((i) => i % by === 0);
  return { tickvals: at, ticktext: at.map((i) => String(steps[i])) };
}

// [step, layers that began there], the earliest first.
function onsets(begun) {
  const steps = [...new Set(begun.map((one) => one.onset))].sort((a, b) => a - b);
  return steps.map((step) => [step, begun.filter((one) => one.onset === step).map((one) => one.layer)]);
}

// "layer 0", "layers 0, 2 to 7".
function layerNames(layers) {
  const parts = [];
  for (let i = 0; i < layers.length; ++i) {
    const first = i;
    while (layers[i + 1] === layers[i] + 1) ++i;
    parts.push(...(i - first < 2 ? layers.slice(first, i + 1) : [`${layers[first]} to ${layers[i]}`]));
  }
  return `layer${layers.length > 1 ? "s" : ""} ${parts.join(", ")}`;
}

const ratioFigure = {
  id: "training-ratio", kind: KIND_2D, title: "Every layer over training, as a heat map",
  see: () => watchedRuns().map(({ run, watched }) => {
    const begun = watched.layers.filter((one) => one.onset !== null);
    const name = report.runs.length > 1 ? run.label + ": " : "";
    if (!begun.length) return `${name}${name ? "no" : "No"} layer's ratio stays above ${watched.threshold}.`;
    return `${name}${name ? "above" : "Above"} ${watched.threshold} (two watched steps in a row): ` +
      onsets(begun).map(([step, layers]) => `${layerNames(layers)} from step ${step}`)
        .join("; ") + ".";
  }).join("\n"),
  controls: (change) => [select("Quantity", Object.entries(MEASURES).map(([key, [name]]) => [key, name]),
    trainingState.measure, (value) => { trainingState.measure = value; change(); })],
  chart: (theme, width) => {
    const entries = watchedRuns();
    const [name, pick, log] = MEASURES[trainingState.measure];
    const all = entries.flatMap(({ watched }) => watched.layers.flatMap(pick)).filter((v) => v !== null);
    const { least, most } = logColour(all);
    const frame = panels(entries, width, theme, { own: true,
      height: 130 + 24 * Math.max(4, ...entries.map(({ watched }) => watched.layers.length)),
      x: { title: { text: "training step (each watched one)" } }, y: { title: { text: "layer" }, tickformat: "d", dtick: 1 } });
    entries.forEach(({ watched }, at) => {
      Object.assign(frame.layout["xaxis" + (at ? at + 1 : "")], stepTicks(watched.steps), { matches: undefined });
      const layers = watched.layers.length;
      Object.assign(frame.layout["yaxis" + (at ? at + 1 : "")], { dtick: Math.ceil(layers / 16) });
    });
    const size = (value) => (value === null || !(value > 0) ? null : Math.log10(value));
    const bar = width < 600 ? { orientation: "h", x: 0.5, xanchor: "center", y: frame.above, yanchor: "bottom", thickness: 10 } :
      { thickness: 14, len: 0.9 };
    return { height: frame.height, layout: frame.layout,
      note: entries.some(({ watched }) => watched.left_out) ? "Of many watched steps some are left out." : "",
      data: entries.map(({ watched }, at) => ({ type: "heatmap", colorscale: COLOURS, ...frame.axesOf(at),
        x: watched.steps.map((_, i) => i), y: watched.layers.map((one) => one.layer), showscale: at === 0,
        z: watched.layers.map((one) => (log ? pick(one).map(size) : pick(one))),
        zmin: log ? least : 0, zmax: log ? Math.max(most, least + 0.1) : 1,
        text: watched.layers.map((one) => pick(one).map((value, i) =>
          `${show(value)}<br>layer ${one.layer}, step ${watched.steps[i]}`)),
        hovertemplate: `%{text}<extra></extra>`,
        colorbar: { ...bar, ...(log ? powerTicks(least, most) : { tickformat: ".1f" }), outlinewidth: 0,
          title: { text: trainingState.measure === "sink_rate" ? "rate" : log && name.includes("/") ? "ratio" : "|x|",
            side: width < 600 ? "top" : "right" } } })) };
  },
  table: () => ({ columns: [{ name: "run", kind: "text" }, ...numbers("step", "layer", "median", "top-1",
    "ratio", "mean top-1 / mean median", "sink rate", "attention to the first", "first |k|", "others' |k|",
    "first |v|", "others' |v|")],
  rows: watchedRuns().flatMap(({ run, watched }) => watched.layers.flatMap((one) => watched.steps.map((step, at) =>
    [run.label, step, one.layer, one.median[at], one.top[at], one.ratio[at], one.top_median[at], one.sink_rate[at],
      one.sink[at], one.key_first[at], one.key_others[at], one.value_first[at], one.value_others[at]]))) }),
};

// All steps that any run was watched at, ascending.
function allSteps() {
  return [...new Set(watchedRuns().flatMap(({ watched }) => watched.steps))].sort((a, b) => a - b);
}

// The run's last watched step up to this one.
function nearest(watched, step) {
  let at = -1;
  watched.steps.forEach((one, i) => { if (one <= step) at = i; });
  return at;
}

const PROFILES = {
  sizes: ["top-1 and median of |x|", [["top-1", (one) => one.top], ["median", (one) => one.median]], true],
  ratio: ["top-1 / median of |x|", [["top-1 / median", (one) => one.ratio]], true],
  sink: ["sink rate", [["sink rate", (one) => one.sink_rate]], false],
  keys: ["l2 norm of keys", [["first token", (one) => one.key_first], ["others", (one) => one.key_others]], true],
  values: ["l2 norm of values", [["first token", (one) => one.value_first], ["others", (one) => one.value_others]], true],
};

const profileFigure = {
  id: "training-profile", kind: KIND_2D, title: "The layers at one step of training",
  see: () => "Move the slider to go through training; the axis stays, so that what grows is seen to grow. A run that " +
    "was not watched at a step stands where it was last.",
  controls: (change) => {
    const steps = allSteps();
    trainingState.at = Math.min(trainingState.at ?? steps.length - 1, Math.max(steps.length - 1, 0));
    return [slider("Step", steps.length, trainingState.at, (at) => String(steps[at] ?? "–"), (at) => {
      trainingState.at = at;
      change();
    }), select("Quantity", Object.entries(PROFILES).map(([key, [name]]) => [key, name]), trainingState.quantity,
      (value) => { trainingState.quantity = value; change(); })];
  },
  chart: (theme, width) => {
    const entries = watchedRuns();
    const [name, lines, log] = PROFILES[trainingState.quantity];
    const step = allSteps()[trainingState.at ?? allSteps().length - 1];
    const all = entries.flatMap(({ watched }) => lines.flatMap(([, pick]) => watched.layers.flatMap(pick)))
      .filter((value) => value !== null && (!log || value > 0));
    const bounds = log && all.length ? [Math.log10(Math.min(...all)), Math.log10(Math.max(...all))] : [0, 1];
    const room = 0.05 * Math.max(bounds[1] - bounds[0], 0.1);
    const data = entries.flatMap(({ run, index, watched }) => lines.map(([what, pick], at) => {
      const style = runStyle(index, theme);
      const label = entries.length > 1 ? `${run.label}: ${what}` : what;
      const position = nearest(watched, step);
      return { type: "scatter", mode: "lines+markers", name: plotText(cut(label, 60)),
        x: watched.layers.map((one) => one.layer), y: watched.layers.map((one) => (position < 0 ? null : pick(one)[position])),
        line: { color: entries.length > 1 ? style.colour : theme.list[at], width: at ? 2 : 2.5, dash: DASHES[at] },
        marker: { symbol: SYMBOLS[at], size: 8 },
        hovertemplate: `%{y:.4~g}<br>layer %{x}, step ${watched.steps[position] ?? "–"}<extra>${plotText(cut(label, 40))}</extra>` };
    }));
    const axis = { ...sizeAxis(name, log), range: [bounds[0] - room, bounds[1] + room] };
    return { height: width < 600 ? 400 : 460, data,
      layout: plainFrame(theme, layerTicks(entries[0]?.watched.layers || []), axis) };
  },
  table: () => {
    const step = allSteps()[trainingState.at ?? allSteps().length - 1];
    return { columns: [{ name: "run", kind: "text" }, ...numbers("step", "layer", "top-1", "median", "ratio", "sink rate")],
      rows: watchedRuns().flatMap(({ run, watched }) => {
        const at = nearest(watched, step);
        return at < 0 ? [] : watched.layers.map((one) => [run.label, watched.steps[at], one.layer, one.top[at],
          one.median[at], one.ratio[at], one.sink_rate[at]]);
      }) };
  },
};

function addTrainingFigures() {
  if (!report.runs.some((run) => run.training)) return;
  addFigure(lossFigure);
  if (!report.runs.some((run) => run.training?.watched)) return;
  addFigure(ratioFigure);
  addFigure(profileFigure);
  addFigure(curveFigure);
  addFigure(boundaryFigure);
  if (watchedRuns().some(({ watched }) => watched.weights.length)) addFigure(spreadFigure);
  if (trainedRuns().length > 1) addFigure(variantsFigure);
}
