"use strict";
// Training, one quantity over the steps: the curve fitted to a layer's ratio with loss and sink rate
// below it, the loss at sentence starts, the spread of weights; and runs side by side at their end.

const curveChoice = { run: 0, layer: null, curve: "best", spread: "kurtosis", weight: null };

function chosenCourse() {
  const all = watchedRuns();
  if (!all.length) return null;
  const entry = all[Math.min(curveChoice.run, all.length - 1)];
  const peaks = entry.watched.layers.map((one) => one.peak ?? 0);
  const layer = Math.min(curveChoice.layer ?? peaks.indexOf(Math.max(...peaks)), peaks.length - 1);
  return { ...entry, layer, of: entry.watched.layers[layer] };
}

function runControl(change, ...figures) {
  const all = watchedRuns();
  if (all.length < 2) return null;
  return select("Run", all.map(({ run }, at) => [at, run.label]), Math.min(curveChoice.run, all.length - 1), (at) => {
    curveChoice.run = Number(at);
    curveChoice.layer = null;
    rebuild(...figures);
    change();
  });
}

function chosenFits(of) {
  const wanted = curveChoice.curve === "best" ? of.fit.best : curveChoice.curve;
  return of.fit.curves.filter((one) => curveChoice.curve === "all" || one.name === wanted);
}

// Three panels on one axis of steps.
function stackedFrame(theme, names, log) {
  const grid = { gridcolor: theme.grid, zeroline: false, linecolor: theme.soft, automargin: true };
  const domains = [[0.46, 1], [0.23, 0.41], [0, 0.18]];
  const layout = { xaxis: { ...grid, ...stepAxis(), anchor: "y3" } };
  names.forEach((name, at) => {
    layout["yaxis" + (at ? at + 1 : "")] = { ...grid, domain: domains[at],
      ...(at === 0 && log ? sizeAxis(name, true) : {}), title: { text: name, standoff: undefined }, ...(at === 2 ? { range: [-0.05, 1.05] } : {}) };
  });
  return layout;
}

const curveFigure = {
  id: "training-curve", kind: KIND_2D, title: "A layer's ratio over training, the curve through it, loss and sink rate",
  see: () => {
    const chosen = chosenCourse();
    if (!chosen) return "No watched run is shown.";
    const { of, layer, watched } = chosen;
    const best = of.fit.curves.find((one) => one.name === of.fit.best);
    const own = of.fit.curves.find((one) => one.name === "emergence");
    const last = watched.steps.at(-1);
    let text = `Layer ${layer}: largest ratio ${show(of.peak)} at step ${of.peak_step}, ${show(of.end)} at the end. `;
    text += best ? `Of the curves the ${best.name} one has the least AIC (R² ${best.r2?.toFixed(3)}).` :
      "No curve could be fitted.";
    if (own?.peak_step)
      text += ` The emergence curve f(t) = A e^(-λx) ln(x) + K, x = γt + t₀ peaks at step ${show(own.peak_step)} ± ` +
        `${show(own.peak_error)}${own.peak_step > last ? ", after the last watched one: not observed" : ""}.`;
    else if (!own) text += ` N${(of.fit.missing.find((one) => one.startsWith("no emergence")) || "no emergence curve").slice(1)}.`;
    return text;
  },
  controls: (change) => {
    const chosen = chosenCourse();
    if (!chosen) return [];
    return [runControl(change, curveFigure), select("Layer", chosen.watched.layers.map((one, at) => [at, one.layer]), chosen.layer,
      (at) => { curveChoice.layer = Number(at); change(); }),
    select("Curve", [["best", "least AIC"], ["emergence", "emergence"], ["all", "all"], ["none", "none"]], curveChoice.curve,
      (value) => { curveChoice.curve = value; change(); }),
    select("Scale", [["log", "logarithmic"], ["linear", "linear"]], trainingState.scale,
      (value) => { trainingState.scale = value; change(); }), stepControl()];
  },
  chart: (theme, width) => {
    const chosen = chosenCourse();
    if (!chosen) return { height: 300, data: [], layout: {} };
    const { of, watched, layer } = chosen;
    const x = stepsOf(watched.steps);
    const line = (name, values, axis, colour, symbol) => ({ type: "scatter", mode: "lines+markers", name, x, y: values,
      yaxis: axis, customdata: watched.steps, line: { color: colour, width: 2 }, marker: { size: 5, symbol },
      hovertemplate: `${name} %{y:.4~g}<br>step %{customdata}<extra></extra>` });
    const data = [{ ...line(`layer ${layer}`, of.top_median, "y", theme.list[0], "circle"), mode: "markers",
      marker: { size: 8, color: theme.list[0] } },
    ...chosenFits(of).map((fit, at) => ({ type: "scatter", mode: "lines", name: `${fit.name} curve`, x: stepsOf(fit.steps),
      y: trainingState.scale === "log" ? fit.values.map((value) => (value > 0 ? value : null)) : fit.values,
      line: { color: theme.list[(at + 1) % theme.list.length], dash: DASHES[at % DASHES.length], width: 2.5 },
      hovertemplate: `${fit.name} %{y:.4~g}<br>step %{x:.0f}<extra></extra>` })),
    line("loss", watched.loss, "y2", theme.list[2], "square"),
    line("sink rate", watched.sink_rate, "y3", theme.list[3], "diamond")];
    const layout = stackedFrame(theme, ["mean top-1 / mean median", "loss, nats", "sink rate"], trainingState.scale === "log");
    const peak = chosenFits(of).find((fit) => fit.peak_step)?.peak_step;
    if (peak && peak <= watched.steps.at(-1)) {
      layout.shapes = [{ type: "line", x0: peak, x1: peak, yref: "paper", y0: 0.46, y1: 1,
        line: { color: theme.ink, width: 1, dash: "dot" } }];
      layout.annotations = [{ text: "predicted peak", x: trainingState.steps === "log" ? Math.log10(peak) : peak, yref: "paper",
        y: 0.47, yanchor: "bottom", xanchor: peak > watched.steps.at(-1) / 2 ? "right" : "left", showarrow: false,
        font: { size: 11, color: theme.soft } }];
    }
    return { height: width < 600 ? 620 : 700, data, layout };
  },
  table: () => ({ columns: [{ name: "run", kind: "text" }, ...numbers("layer", "onset", "peak", "at step", "end"),
    { name: "curve", kind: "text" }, ...numbers("R2", "AIC", "predicted peak", "its error")],
  rows: watchedRuns().flatMap(({ run, watched }) => watched.layers.flatMap((one) =>
    (one.fit.curves.length ? one.fit.curves : [{}]).map((fit) => [run.label, one.layer, one.onset, one.peak, one.peak_step,
      one.end, fit.name ?? "none", fit.r2 ?? null, fit.aic ?? null, fit.peak_step ?? null, fit.peak_error ?? null]))) }),
};

const boundaryFigure = {
  id: "training-boundary", kind: KIND_2D, title: "Loss at the beginning of sentences and elsewhere",
  see: () => watchedRuns().map(({ run, watched }) => {
    const { ratio_with_gap: gap, gap_lag: lag } = watched.coherence;
    const name = report.runs.length > 1 ? run.label + ": " : "";
    if (gap === null) return `${name}${name ? "n" : "N"}o watched sentence begins in the text, or the gap does not vary.`;
    return `${name}${name ? "t" : "T"}he gap's rank correlation with the largest ratio is ${gap.toFixed(3)}` +
      (lag ? `, and ${lag.correlation.toFixed(3)} with the gap ${Math.abs(lag.steps)} steps ` +
        `${lag.steps < 0 ? "before" : "behind"} the ratio.` : ".");
  }).join("\n"),
  controls: () => [stepControl()],
  chart: (theme, width) => {
    const entries = watchedRuns();
    const data = entries.flatMap(({ run, index, watched }) => [["sentence starts", watched.start_loss, 0],
      ["elsewhere", watched.other_loss, 1]].map(([what, values, at]) => {
      const label = entries.length > 1 ? `${run.label}: ${what}` : what;
      return { type: "scatter", mode: "lines+markers", name: plotText(cut(label, 60)), x: stepsOf(watched.steps), y: values,
        customdata: watched.steps, marker: { symbol: SYMBOLS[at], size: 6 },
        line: { color: entries.length > 1 ? runStyle(index, theme).colour : theme.list[at], dash: DASHES[at], width: 2 },
        hovertemplate: `%{y:.4~g} nats<br>step %{customdata}<extra>${plotText(cut(label, 40))}</extra>` };
    }));
    return { height: width < 600 ? 400 : 420, data,
      layout: plainFrame(theme, stepAxis(), { title: { text: "loss, nats a token" } }) };
  },
  table: () => ({ columns: [{ name: "run", kind: "text" }, ...numbers("step", "loss", "at sentence starts", "elsewhere",
    "massive values")],
  rows: watchedRuns().flatMap(({ run, watched }) => watched.steps.map((step, at) => [run.label, step, watched.loss[at],
    watched.start_loss[at], watched.other_loss[at], watched.massive[at]])) }),
};

function chosenWeight(entry) {
  const names = [...new Set(entry.watched.weights.map((one) => one.weight))];
  const name = names.includes(curveChoice.weight) ? curveChoice.weight : names.includes("down") ? "down" : names[0];
  return { names, name, list: entry.watched.weights.filter((one) => one.weight === name) };
}

const spreadFigure = {
  id: "training-weights", kind: KIND_2D, title: "The spread of weights over training",
  see: () => "Standard deviation of a weight's values in every layer, or their kurtosis, which is 3 of normal values and " +
    "grows where single entries stand out.",
  controls: (change) => {
    const chosen = chosenCourse();
    const weights = chosen ? chosenWeight(chosen) : { names: [] };
    return [runControl(change, spreadFigure), select("Weight", weights.names.map((name) => [name, name]), weights.name,
      (value) => { curveChoice.weight = value; change(); }),
    select("Quantity", [["kurtosis", "kurtosis"], ["deviation", "standard deviation"]], curveChoice.spread,
      (value) => { curveChoice.spread = value; change(); }), stepControl()];
  },
  chart: (theme, width) => {
    const chosen = chosenCourse();
    const list = chosen ? chosenWeight(chosen).list : [];
    const last = Math.max(1, list.length - 1);
    const title = curveChoice.spread === "kurtosis" ? "kurtosis" : "standard deviation";
    return { height: width < 600 ? 400 : 420, data: list.map((one, at) => ({ type: "scatter", mode: "lines+markers",
      name: one.layer === null ? one.weight : `layer ${one.layer}`, x: stepsOf(chosen.watched.steps), y: one[curveChoice.spread],
      line: { color: theme.list[at % theme.list.length], dash: DASHES[Math.floor(at / theme.list.length) % DASHES.length],
        width: 2 - at / last }, marker: { size: 5, symbol: SYMBOLS[at % SYMBOLS.length] }, customdata: chosen.watched.steps,
      hovertemplate: `%{y:.4~g}<br>step %{customdata}<extra>${one.layer === null ? one.weight : "layer " + one.layer}</extra>` })),
    layout: plainFrame(theme, stepAxis(), sizeAxis(title, true)) };
  },
  table: () => ({ columns: [{ name: "run", kind: "text" }, ...numbers("layer"), { name: "weight", kind: "text" },
    ...numbers("step", "deviation", "kurtosis")],
  rows: watchedRuns().flatMap(({ run, watched }) => watched.weights.flatMap((one) => watched.steps.map((step, at) =>
    [run.label, one.layer, one.weight, step, one.deviation[at], one.kurtosis[at]]))) }),
};

// What each run comes to.
const ENDS = [
  ["validation loss, nats", ({ run }) => run.training.evaluations.validation.at(-1) ?? run.training.watched?.loss.at(-1) ?? null],
  ["largest ratio of a layer at the end", ({ run }) => (run.training.watched ?
    Math.max(...run.training.watched.layers.map((one) => one.end ?? 0)) : null)],
  ["sink rate at the end", ({ run }) => run.training.watched?.sink_rate.at(-1) ?? null],
];

function endPanels() {
  const edits = [...new Set(trainedRuns().flatMap(({ run }) => run.training.edited.map((one) => one.name)))];
  return [...ENDS, ...edits.map((name) => [`perplexity, ${name}`,
    ({ run }) => run.training.edited.find((one) => one.name === name)?.perplexity ?? null])];
}

const variantsFigure = {
  id: "training-variants", kind: KIND_2D, title: "The runs at their end, side by side",
  see: () => "What each run came to. Perplexities after massive activations were made zero are those of the run's own zeroing " +
    "(RUN/zeroed) and of a store of tepui intervene in its folder (RUN/intervene).",
  chart: (theme, width) => {
    const entries = trainedRuns();
    const all = endPanels();
    const columns = width < 600 ? 1 : 3;
    const rows = Math.ceil(all.length / columns);
    const each = 70 + 26 * entries.length;
    const layout = { annotations: [], showlegend: false };
    const data = all.map(([name, pick], at) => {
      const suffix = at ? String(at + 1) : "";
      const column = at % columns;
      const top = 1 - Math.floor(at / columns) / rows;
      const w = 1 / columns;
      const grid = { gridcolor: theme.grid, zeroline: false, linecolor: theme.soft };
      const values = entries.map(pick);
      layout["xaxis" + suffix] = { ...grid, anchor: "y" + suffix, domain: [column * w + (column ? 0.03 : 0), (column + 1) * w],
        nticks: 5, title: { text: name, standoff: 4 } };
      layout["yaxis" + suffix] = { ...grid, anchor: "x" + suffix, domain: [top - (1 / rows) * (1 - 48 / each), top],
        range: [entries.length - 0.5, -0.5], tickvals: entries.map((_, i) => i), automargin: true,
        title: column === 0 ? { text: "run" } : undefined, showticklabels: column === 0,
        ticktext: entries.map(({ run }) => plotText(cut(run.label, width < 600 ? 14 : 24))) };
      const most = Math.max(...values.map((value) => value ?? 0)) || 1;
      layout["xaxis" + suffix].range = [-0.03 * most, 1.35 * most];
      return { type: "scatter", mode: "markers+text", x: values, y: entries.map((_, i) => i), xaxis: "x" + suffix, yaxis: "y" + suffix,
        text: values.map(show), textposition: "middle right", cliponaxis: false,
        marker: { size: 12, color: entries.map(({ index }) => runStyle(index, theme).colour),
          symbol: entries.map(({ index }) => runStyle(index, theme).symbol) },
        customdata: entries.map(({ run }) => plotText(run.label)), hovertemplate: "%{x:.4~g}<br>%{customdata}<extra></extra>" };
    });
    return { data, layout, height: rows * each + 60 };
  },
  table: () => ({ columns: [{ name: "run", kind: "text" }, ...numbers(...endPanels().map(([name]) => name))],
    rows: trainedRuns().map((entry) => [entry.run.label, ...endPanels().map(([, pick]) => pick(entry))]) }),
};
