"use strict";
// A figure: title, what to see, controls, the chart, ways to save it and the table behind it. Given
// as {id, title, kind, see(), controls(change), chart(theme, width) -> {data, layout, height},
// table()}; where there is no chart, body() gives the elements that stand in its place. Drawn when
// it comes near the window.

const figures = [];
const LEGEND = { orientation: "h", x: 0, yanchor: "bottom", xanchor: "left" };

function addFigure(spec, className) {
  const figure = { spec, drawn: false };
  const heading = make("h2", { id: spec.id + "-title", textContent: spec.title });
  figure.see = make("p", { className: "see" });
  figure.bar = make("div", { className: "bar" });
  figure.note = make("p", { className: "note" });
  figure.plot = make("div", { className: "plot", id: spec.id + "-plot" });
  figure.details = make("details", {}, make("summary", { textContent: "Table of these numbers" }));
  figure.details.addEventListener("toggle", () => fillTable(figure));
  figure.element = make("section", { id: spec.id, className: className || "",
    "aria-labelledby": heading.id }, heading, figure.see, figure.bar, figure.plot, figure.note,
  saveBar(figure), figure.details);
  if (spec.kind === KIND_3D) addCameraKeys(figure);
  figures.push(figure);
  document.getElementById("figures").append(figure.element);
  watcher.observe(figure.element);
  return figure;
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const figure = figures.find((one) => one.element === entry.target);
    if (entry.isIntersecting && !figure.drawn) drawFigure(figure);
  }
}, { rootMargin: "400px" });

function saveBar(figure) {
  const format = figure.spec.kind === KIND_3D ? "png" : "svg";
  const name = "tepui-" + figure.spec.id;
  return make("div", { className: "bar" }, ...(figure.spec.chart ?
    [button("Save as " + format.toUpperCase(), () => saveImage(figure, format, name))] : []),
  button("Save numbers as CSV", () =>
    download(name + ".csv", "text/csv;charset=utf-8", csvOf(figure.spec.table()))));
}

// In light colours whatever the page has, without what only works on a screen.
async function saveImage(figure, format, name) {
  const width = 1000;
  const chart = figure.spec.chart(colours(true), width);
  const layout = framed(chart, colours(true), width);
  const camera = figure.plot._fullLayout?.scene?._scene?.getCamera?.();
  if (camera) layout.scene.camera = camera;
  layout.width = width;
  await Plotly.downloadImage({ data: chart.data, layout }, { format, width, height: chart.height,
    scale: format === "png" ? 2 : 1, filename: name });
}

// Rows of the legend that end before the mode bar, which shows itself beside them.
function legendRows(chart, width) {
  const names = chart.data.filter((trace) => trace.name && trace.showlegend !== false)
    .map((trace) => trace.name.length);
  const entry = 60 + 6.5 * Math.max(0, ...names);
  const room = width - 90;
  if (width < 600 || names.length * entry < room - 130) return {};
  const columns = Math.max(1, Math.floor((room - 130) / entry));
  return { entrywidthmode: "fraction", entrywidth: (room - 130) / room / columns };
}

function framed(chart, theme, width) {
  tickLogAxes(chart);
  const narrow = width < 600;
  const layout = Object.assign({
    height: chart.height,
    margin: { l: narrow ? 52 : 70, r: narrow ? 8 : 20, t: !narrow ? 36 : chart.layout.annotations?.length ? 28 : 12, b: 50 },
    paper_bgcolor: theme.paper, plot_bgcolor: theme.paper,
    font: { family: 'system-ui, "Helvetica Neue", "DejaVu Sans", sans-serif',
      size: narrow ? 11 : 13, color: theme.ink },
    hoverlabel: { align: "left", font: { family: 'ui-monospace, "DejaVu Sans Mono", monospace' } },
    legend: { ...LEGEND, y: 1.02 },
    hovermode: "closest", dragmode: chart.dragmode || "zoom",
  }, chart.layout);
  // Without a distance of its own a title gives way to the margin, onto the ticks.
  for (const [name, axis] of Object.entries(layout)) {
    if (!/^[xy]axis/.test(name) || !axis.title?.text || "standoff" in axis.title) continue;
    layout[name] = { ...axis, automargin: true, title: { ...axis.title, standoff: narrow ? 9 : 12 } };
  }
  layout.legend = { ...layout.legend, ...legendRows(chart, width) };
  return layout;
}

function drawFigure(figure) {
  const spec = figure.spec;
  figure.drawn = true;
  figure.see.textContent = spec.see();
  if (!figure.bar.childElementCount && spec.controls)
    figure.bar.append(...spec.controls(() => drawFigure(figure)).filter(Boolean));
  if (spec.body) {
    figure.plot.replaceChildren(...spec.body());
    fillTable(figure);
    return;
  }
  const theme = colours(false);
  const width = figure.plot.clientWidth || 600;
  const chart = spec.chart(theme, width);
  figure.note.textContent = chart.note || "";
  figure.plot.hidden = !chart.data.length;
  if (chart.data.length) {
    figure.plot.style.minHeight = chart.height + "px";
    Plotly.react(figure.plot, chart.data, framed(chart, theme, width), {
      displaylogo: false, responsive: true, displayModeBar: width < 600 ? false : "hover",
      modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "autoScale2d"] });
    figure.plot.setAttribute("role", "figure");
    figure.plot.setAttribute("aria-label", spec.title);
  } else if (figure.plot.data) {
    Plotly.purge(figure.plot);
  }
  fillTable(figure);
}

function fillTable(figure) {
  figure.details.querySelectorAll(".scroll, .note").forEach((element) => element.remove());
  if (!figure.details.open) return;
  const table = figure.spec.table();
  if (table.note) figure.details.append(make("p", { className: "note", textContent: table.note }));
  figure.details.append(tableElement(table, figure.spec.title));
}

// Redraws what was drawn of these figures; controls are built anew, since their choices depend on
// what else is chosen. The focus stays on the control that has it.
function rebuild(...specs) {
  for (const figure of figures.filter((one) => specs.includes(one.spec))) {
    const focused = Array.from(figure.bar.children).findIndex((label) =>
      label.contains(document.activeElement));
    figure.bar.replaceChildren();
    if (figure.drawn) drawFigure(figure);
    if (focused >= 0) figure.bar.children[focused]?.querySelector("select, input")?.focus();
  }
}

function redrawAll() {
  rebuild(...figures.map((figure) => figure.spec));
}

// Arrow keys turn a surface, + and - move it, 0 brings it back.
function addCameraKeys(figure) {
  figure.plot.tabIndex = 0;
  figure.plot.addEventListener("keydown", (event) => {
    const scene = figure.plot._fullLayout?.scene;
    if (!scene) return;
    const eye = { ...(scene._scene?.getCamera?.().eye || scene.camera.eye) };
    const radius = Math.hypot(eye.x, eye.y, eye.z);
    let turn = Math.atan2(eye.y, eye.x);
    let lift = Math.asin(eye.z / radius);
    let zoom = 1;
    const step = Math.PI / 24;
    if (event.key === "ArrowLeft") turn -= step;
    else if (event.key === "ArrowRight") turn += step;
    else if (event.key === "ArrowUp") lift = Math.min(lift + step, 1.5);
    else if (event.key === "ArrowDown") lift = Math.max(lift - step, -1.5);
    else if (event.key === "+") zoom = 0.9;
    else if (event.key === "-") zoom = 1.1;
    else if (event.key !== "0") return;
    event.preventDefault();
    const r = radius * zoom;
    const next = event.key === "0" ? startCamera(figure.plot.clientWidth) : {
      x: r * Math.cos(lift) * Math.cos(turn), y: r * Math.cos(lift) * Math.sin(turn), z: r * Math.sin(lift) };
    Plotly.relayout(figure.plot, { "scene.camera.eye": next });
  });
}
