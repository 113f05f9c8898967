"use strict";
// Controls are the browser's own, so that they work by keyboard and for screen readers.

function select(name, options, value, onChange) {
  const box = make("select", {}, ...options.map(([key, text]) =>
    make("option", { value: key, textContent: text, selected: String(key) === String(value) })));
  box.addEventListener("change", () => onChange(box.value));
  return make("label", {}, name, box);
}

function checkbox(name, checked, onChange) {
  const box = make("input", { type: "checkbox", checked });
  box.addEventListener("change", () => onChange(box.checked));
  return make("label", {}, box, name);
}

function slider(name, count, value, caption, onChange) {
  const out = make("output", { textContent: caption(value) });
  const box = make("input", { type: "range", min: 0, max: Math.max(count - 1, 0), step: 1, value });
  box.addEventListener("input", () => {
    out.textContent = caption(Number(box.value));
    onChange(Number(box.value));
  });
  return make("label", {}, name, box, out);
}

function button(name, onClick) {
  const element = make("button", { type: "button", textContent: name });
  element.addEventListener("click", onClick);
  return element;
}

// What holds for all figures: site, runs, colours.
function globalControls(redraw) {
  const bar = document.getElementById("controls");
  const names = siteNames();
  if (names.length > 1)
    bar.append(select("Site", names.map((name) => [name, name]), state.site, (name) => {
      state.site = name;
      redraw();
    }));
  if (report.runs.length > 1) {
    const theme = colours(false);
    const boxes = report.runs.map((run, index) => {
      const box = checkbox("", state.shown[index], (on) => {
        state.shown[index] = on;
        redraw();
      });
      const swatch = make("span", { className: "swatch" });
      swatch.style.background = runStyle(index, theme).colour;
      box.append(swatch, run.label);
      return box;
    });
    bar.append(make("fieldset", {}, make("legend", { textContent: "Runs" }), ...boxes));
  }
  bar.append(select("Colours", [["auto", "as the system"], ["light", "light"], ["dark", "dark"]],
    state.theme, (theme) => {
      state.theme = theme;
      applyTheme();
      redraw();
    }));
}

function applyTheme() {
  document.documentElement.dataset.theme = darkness() ? "dark" : "light";
}
