"use strict";
// What edits did: perplexity and KL divergence of every branch, how far it leaves the unedited run
// over the layers, and which kinds of words pay, a panel a run.

const branchState = { quantity: "perplexity", text: "all", branch: 0, group: "classes" };

const BRANCH_QUANTITIES = { perplexity: "perplexity", kl: "KL(unedited || branch), nats per token" };

// The runs that are shown and have scores: [{run, index}].
function scoredRuns() {
  return report.runs.map((run, index) => ({ run, index }))
    .filter(({ run, index }) => state.shown[index] && run.branches);
}

function editedRuns() {
  return scoredRuns().filter(({ run }) => run.branches.branches.length > 1);
}

// By branch, over all texts or the chosen one.
function branchValues({ run }) {
  const { branches, texts } = run.branches;
  const text = texts.find((one) => one.text === branchState.text);
  return text ? text[branchState.quantity] : branches.map((one) => one[branchState.quantity]);
}

function textNames(entries) {
  return [...new Set(entries.flatMap(({ run }) => run.branches.texts.map((one) => one.text)))];
}

const interventionsFigure = {
  id: "interventions", kind: KIND_2D, get title() { return "What the predictions are worth" + (editedRuns().length ? " after each edit" : ""); },
  see: () => scoredRuns().map(({ run }) => (report.runs.length > 1 ? run.label + ": " : "") +
    run.branches.see).join("\n"),
  controls: (change) => {
    const texts = textNames(scoredRuns());
    return [select("Quantity", Object.entries(BRANCH_QUANTITIES), branchState.quantity,
      (value) => { branchState.quantity = value; change(); }),
    texts.length > 1 ? select("Text", [["all", "all"], ...texts.map((one) => [one, one])],
      branchState.text, (value) => { branchState.text = value; change(); }) : null];
  },
  chart: (theme, width) => {
    const entries = scoredRuns();
    const all = entries.flatMap(branchValues).filter((value) => value > 0);
    const log = all.length > 1 && Math.max(...all) / Math.min(...all) > 30;
    const most = Math.max(1, ...entries.map(({ run }) => run.branches.branches.length));
    const frame = panels(entries, width, theme, { height: 60 + 28 * Math.max(most, 3), own: true,
      x: sizeAxis(BRANCH_QUANTITIES[branchState.quantity], log), y: { range: [most - 0.5, -0.5],
        title: { text: "branch", standoff: 12 } } });
    entries.forEach(({ run }, at) => Object.assign(frame.layout["yaxis" + (at ? at + 1 : "")], {
      tickvals: run.branches.branches.map((_, row) => row),
      ticktext: run.branches.branches.map((one) => plotText(cut(one.name, width < 600 ? 14 : 30))) }));
    const data = entries.map((entry, at) => ({ type: "scatter", mode: "markers", ...frame.axesOf(at),
      x: branchValues(entry), y: entry.run.branches.branches.map((_, row) => row),
      marker: { size: 12, color: runStyle(entry.index, theme).colour,
        symbol: entry.run.branches.branches.map((_, row) => (row ? "circle" : "diamond-open")) },
      text: entry.run.branches.branches.map((one) => plotText(one.name) + "<br>" +
        plotText(cut(one.edits || "no edit", 80))),
      hovertemplate: "%{x:.6~g}<br>%{text}<extra></extra>", showlegend: false }));
    return { data, layout: frame.layout, height: frame.height };
  },
  table: () => ({ columns: [{ name: "run", kind: "text" }, { name: "text", kind: "text" },
    { name: "branch", kind: "text" }, { name: "edits", kind: "text" },
    ...numbers("perplexity", "KL", "nll", "tokens", "sequences")],
  rows: scoredRuns().flatMap(({ run }) => [
    ...run.branches.branches.map((one) => [run.label, "all", one.name, one.edits, one.perplexity,
      one.kl, one.nll, one.tokens, one.sequences]),
    ...run.branches.texts.flatMap((text) => run.branches.branches.map((one, at) => [run.label,
      text.text, one.name, one.edits, text.perplexity[at], text.kl[at], null, null, null]))]) }),
};

// The runs whose branches were measured at the chosen site: {run, index, site: {layers, branches}}.
function changedRuns() {
  return editedRuns().map((entry) => ({ ...entry,
    site: entry.run.branches.changes.find((one) => one.site === state.site) }))
    .filter((entry) => entry.site);
}

const changesFigure = {
  id: "changes", kind: KIND_2D, title: "How far each edit takes the activations from the unedited run",
  see: () => "|x − unedited| / |unedited| of a token, mean over tokens and sequences. Before its first " +
    "edit a branch is the unedited run; a line that falls comes back to it.",
  chart: (theme, width) => {
    const entries = changedRuns();
    const lost = entries.flatMap(({ run, site }) => site.branches.map((values, branch) =>
      (values.includes(null) ? run.branches.branches[branch + 1].name : null)).filter((name) => name));
    const frame = panels(entries, width, theme, { x: layerAxis(entries),
      y: { title: { text: "relative change" }, rangemode: "tozero", tickformat: "~g" } });
    return { layout: frame.layout, height: frame.height,
      note: lost.length ? `Not finite where no point is drawn: ${lost.join(", ")}.` : "",
      data: entries.flatMap(({ run, site }, at) => site.branches.map((y, branch) => ({
        type: "scatter", mode: "lines+markers", x: layerNumbers(site), y, ...frame.axesOf(at),
        name: plotText(cut(run.branches.branches[branch + 1].name, 40)), showlegend: true,
        line: { color: theme.list[branch % theme.list.length], width: 2,
          dash: DASHES[Math.floor(branch / theme.list.length) % DASHES.length] },
        marker: { symbol: SYMBOLS[branch % SYMBOLS.length], size: 6 },
        hovertemplate: "%{y:.4~g} at layer %{x}<extra>%{fullData.name}</extra>" }))) };
  },
  table: () => ({ columns: [{ name: "run", kind: "text" }, { name: "branch", kind: "text" },
    ...numbers("layer", "relative change")],
  rows: changedRuns().flatMap(({ run, site }) => site.branches.flatMap((values, branch) =>
    values.map((value, at) => [run.label, run.branches.branches[branch + 1].name,
      site.layers === null ? null : site.layers[at], value]))) }),
};

const GROUPS = { classes: "kind of word", positions: "position in the sequence",
  coherence: "distance from the end of a sentence" };

// The runs whose words are known: {run, index, words, branch}.
function wordRuns() {
  return editedRuns().filter(({ run }) => run.words).map((entry) => ({ ...entry,
    words: entry.run.words,
    branch: Math.min(branchState.branch, entry.run.words.branches.length - 1) }));
}

function branchControl(change, also) {
  const entries = wordRuns();
  const longest = entries.reduce((a, b) =>
    (a && a.words.branches.length >= b.words.branches.length ? a : b), null);
  if (!longest || longest.words.branches.length < 2) return null;
  return select("Branch", longest.words.branches.map((one, at) => [at, entries.length === 1 ?
    cut(one.name, 60) : `branch ${at + 1}`]), branchState.branch,
  (value) => { branchState.branch = Number(value); change(); rebuild(also()); });
}

const classesFigure = {
  id: "classes", kind: KIND_2D, title: "Which kinds of words an edit costs",
  see: () => wordRuns().map(({ run, words, branch }) => (report.runs.length > 1 ? run.label + ": " :
    "Shown is ") + words.branches[branch].name + ".").join("\n") + "\nDots are means of what a token's " +
    "loss grows by, bars 95 % intervals of a bootstrap over sequences.",
  controls: (change) => [branchControl(change, () => wordsFigure),
    select("By", Object.entries(GROUPS), branchState.group,
      (value) => { branchState.group = value; change(); })],
  chart: (theme, width) => {
    const entries = wordRuns();
    const lists = entries.map(({ words, branch }) => words.branches[branch][branchState.group]);
    const most = lists.reduce((a, list) => Math.max(a, list.length), 2);
    const frame = panels(entries, width, theme, { height: 60 + 30 * most, own: true,
      x: { title: { text: width < 600 ? "change, nats per token" : "change of the loss, nats per token" },
        tickformat: "~g" },
      y: { range: [most - 0.5, -0.5], title: { text: GROUPS[branchState.group], standoff: 12 } } });
    const data = entries.map((entry, at) => {
      Object.assign(frame.layout["yaxis" + (at ? at + 1 : "")],
        { tickvals: lists[at].map((_, row) => row), ticktext: lists[at].map((one) => one.group) });
      return { type: "scatter", mode: "markers", x: lists[at].map((one) => one.change),
        y: lists[at].map((_, row) => row), ...frame.axesOf(at),
        error_x: { type: "data", symmetric: false, color: theme.soft, thickness: 1.5,
          array: lists[at].map((one) => (one.high === null ? 0 : one.high - one.change)),
          arrayminus: lists[at].map((one) => (one.low === null ? 0 : one.change - one.low)) },
        marker: { size: 11, color: runStyle(entry.index, theme).colour },
        text: lists[at].map((one) => `${one.group}: ${one.tokens} tokens<br>loss ${show(one.before)} ` +
          `to ${show(one.after)}<br>${show(100 * one.share)} % of the whole change`),
        hovertemplate: "%{x:+.4~f}<br>%{text}<extra></extra>", showlegend: false };
    });
    return { data, layout: frame.layout, height: frame.height };
  },
  table: () => ({ columns: [{ name: "run", kind: "text" }, { name: "branch", kind: "text" },
    { name: GROUPS[branchState.group], kind: "text" },
    ...numbers("tokens", "loss before", "after", "change", "95 % from", "to", "share of the whole")],
  rows: wordRuns().flatMap(({ run, words, branch }) =>
    words.branches[branch][branchState.group].map((one) => [run.label, words.branches[branch].name,
      one.group, one.tokens, one.before, one.after, one.change, one.low, one.high, one.share])) }),
};
