"use strict";
// What the page says before its figures and after them, and its start.

// Of a finding, that stand there unasked.
const MOST_LINES = report.runs.length > 2 ? 4 : 7;

function findings() {
  const box = document.getElementById("findings");
  for (const run of report.runs) {
    const part = make("div", { className: "finding" });
    if (report.runs.length > 1) part.append(make("h3", { textContent: run.label }));
    for (const note of run.notes)
      part.append(make("p", { className: "warning", textContent: note }));
    const lines = run.finding.split("\n").filter((line) => line)
      .map((line) => make("p", { textContent: line }));
    const first = lines.length > MOST_LINES ? MOST_LINES - 2 : lines.length;
    part.append(...lines.slice(0, first));
    if (first < lines.length)
      part.append(make("details", {}, make("summary",
        { textContent: `${lines.length - first} more lines` }), ...lines.slice(first)));
    box.append(part);
  }
}

function copyButton(text) {
  const status = make("span", { role: "status" });
  const copy = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(text);
      status.textContent = "copied";
    } catch {
      status.textContent = "the browser refuses; select the text instead";
    }
  });
  return make("div", { className: "bar" }, copy, status);
}

function facts() {
  const section = make("section", { id: "facts" }, make("h2", { textContent: "What was run" }));
  for (const run of report.runs) {
    const rows = run.facts.map((fact) => make("tr", {}, make("th", { scope: "row",
      textContent: fact.name }), make("td", { textContent: fact.value })));
    const part = make("div", { className: "run" }, make("h3", { textContent: run.label }));
    if (run.command)
      part.append(make("p", { className: "note", textContent: "The command that repeats it:" }),
        make("pre", { textContent: run.command }), copyButton(run.command));
    part.append(make("table", { className: "facts" }, make("tbody", {}, ...rows)));
    section.append(part);
  }
  document.getElementById("figures").append(section);
}

// The site that most studies look at first, where it is there.
function firstSite() {
  const names = siteNames();
  return names.includes("resid_post") ? "resid_post" : names[0];
}

function start() {
  applyTheme();
  const models = [...new Set(report.runs.map((run) => run.label))];
  const title = models.length > 1 ? `${models.length} runs side by side` : models[0];
  document.getElementById("title").textContent = (report.runs.every((run) => run.bench) ? "Speed: " : "Massive activations: ") + title;
  document.title = "Tepui: " + title;
  state.site = firstSite();
  findings();
  globalControls(redrawAll);
  if (scoredRuns().length) addFigure(interventionsFigure);
  if (changedRuns().length) addFigure(changesFigure);
  if (wordRuns().length) addFigure(classesFigure);
  if (wordRuns().length) addFigure(wordsFigure);
  if (state.site !== undefined) placeFigures();
  addAttentionFigures();
  addOriginFigures();
  addProbeFigures();
  addTrainingFigures();
  addBenchFigures();
  facts();
  if (!figures.length) return;
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) redrawAll();
    width = innerWidth;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    applyTheme();
    redrawAll();
  });
  addEventListener("beforeprint", () => figures.forEach((figure) => figure.drawn || drawFigure(figure)));
}

// A run of another command has none to keep.
function keepsSurfaces() {
  return report.runs.some((run) => run.sites?.some((site) => site.surfaces.all.length) ||
    /^tepui scan /.test(run.command || ""));
}

// Nor has a run of tepui intervene the largest |x| of each token.
function keepsTokens() {
  return report.runs.some((run) => /^tepui scan /.test(run.command || "") ||
    run.sites?.some((site) => site.tokens.layers.some((layer) => layer.distinct)));
}

function placeFigures() {
  addFigure(curvesFigure);
  if (report.runs.length > 1) addFigure(compareFigure);
  if (keepsSurfaces()) {
    addFigure(surfaceFigure);
    addFigure(heatFigure);
  }
  addFigure(channelFigure, report.runs.length > 1 ? "" : "half");
  addFigure(positionFigure, report.runs.length > 1 ? "" : "half");
  if (keepsTokens()) addFigure(tokensFigure, "after-half");
  addFigure(quantilesFigure, "after-half");
  addFigure(lifeFigure);
}

addEventListener("DOMContentLoaded", start);
