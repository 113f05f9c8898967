"use strict";
// The data, what is chosen for all figures, and the few helpers that every figure uses. Text is set
// as text alone, never as HTML; for Plotly, which reads a little HTML, it goes through plotText.

const report = JSON.parse(document.getElementById("data").textContent);

const state = { site: null, shown: report.runs.map(() => true), theme: "auto" };

const KIND_2D = "2d";
const KIND_3D = "3d";

// Okabe and Ito's colours, which stay apart for every kind of colour blindness; in the dark the two
// darkest are lighter. Lines differ by dash and marker as well.
const PALETTE = {
  light: ["#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7a6f00"],
  dark: ["#ff8c42", "#56B4E9", "#2fd6a3", "#e39bc4", "#ffc04d", "#9ad4ff", "#f2f2f2", "#F0E442"],
};
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const SYMBOLS = ["circle", "square", "diamond", "cross", "triangle-up", "star", "x", "hexagon"];
const COLOURS = "Viridis";

function darkness() {
  if (state.theme !== "auto") return state.theme === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

// Colours for a figure; exported figures are always light, for paper.
function colours(light) {
  return !light && darkness()
    ? { ink: "#e6edf3", soft: "#9aa5b1", grid: "#333c46", paper: "#1d232b", list: PALETTE.dark }
    : { ink: "#1b1f24", soft: "#57606a", grid: "#dde2e7", paper: light ? "#ffffff" : "#f6f8fa",
      list: PALETTE.light };
}

function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// Four digits that matter.
function show(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2);
  if (size >= 1000) return value.toFixed(0);
  return String(Number(value.toPrecision(4)));
}

function plotText(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function tokenText(run, id) {
  const entry = id === null || id === undefined ? null : run.tokens[id];
  return entry ? entry.text : "(unknown)";
}

function cut(text, most) {
  const letters = Array.from(text);
  return letters.length > most ? letters.slice(0, most - 1).join("") + "…" : text;
}

// Both ends stay: names of runs often differ in the last letters.
function cutMiddle(text, most) {
  const letters = Array.from(text);
  const kept = Math.max(2, most) - 1;
  const head = Math.ceil(kept / 2);
  return letters.length <= most ? text :
    letters.slice(0, head).join("") + "…" + letters.slice(letters.length - (kept - head)).join("");
}

function layerName(site, index) {
  return site.layers === null ? site.site : "layer " + site.layers[index];
}

function layerNumbers(site) {
  return site.layers === null ? [0] : site.layers;
}

// The runs that are shown and have the chosen site: [{run, site, index}].
function shownRuns() {
  return report.runs
    .map((run, index) => ({ run, index, site: run.sites.find((site) => site.site === state.site) }))
    .filter((entry) => state.shown[entry.index] && entry.site);
}

function siteNames() {
  const names = [];
  for (const run of report.runs)
    for (const site of run.sites) if (!names.includes(site.site)) names.push(site.site);
  return names;
}

// Colour, dash and marker of a run, the same in every figure.
function runStyle(index, theme) {
  return { colour: theme.list[(index + 1) % theme.list.length], dash: DASHES[index % DASHES.length],
    symbol: SYMBOLS[index % SYMBOLS.length] };
}
