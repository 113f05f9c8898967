"use strict";
// |activation| over tokens x channels of one layer and sequence, as a surface that can be turned.
// The heat map (heat.js) shares its choices.

const CAMERA = { x: -1.2, y: -1.38, z: 0.67 };
function startCamera(width) {
  const far = width < 600 ? 1.6 : 1;
  return { x: CAMERA.x * far, y: CAMERA.y * far, z: CAMERA.z * far };
}

const surfaceState = { run: null, layer: null, sequence: null, log: false, shared: true };

function surfaceRuns() {
  return shownRuns().filter((entry) => entry.site.surfaces.all.length > 0);
}

function chosenSurface() {
  const entries = surfaceRuns();
  const entry = entries.find((one) => one.index === surfaceState.run) || entries[0];
  return entry ? surfaceOf(entry) : null;
}

// The chosen layer and sequence of a run; what it does not have falls back to what it has.
function surfaceOf(entry) {
  const all = entry.site.surfaces.all;
  const sequences = [...new Set(all.map((surface) => surface.sequence))];
  const sequence = sequences.includes(surfaceState.sequence) ? surfaceState.sequence : sequences[0];
  const choices = all.filter((surface) => surface.sequence === sequence);
  const wanted = surfaceState.layer === null ? peakLayer(surfaceRuns()[0].site) : surfaceState.layer;
  const surface = choices.find((one) => one.layer === wanted) || choices[choices.length - 1];
  return { entry, sequences, choices, surface };
}

function peakLayer(site) {
  const sizes = site.curves.largest.map((top) => (top ? Math.abs(top.value) : 0));
  return sizes.indexOf(Math.max(...sizes));
}

function cellName(run, surface, row, column) {
  const cell = row * surface.columns + column;
  const offset = surface.offsets === null ? 0 : surface.offsets[cell];
  const position = row * surface.token_block + Math.floor(offset / surface.channel_block);
  const channel = column * surface.channel_block + offset % surface.channel_block;
  const ids = run.sequences[surface.sequence] || [];
  return { position, channel, token: tokenText(run, ids[position]), value: surface.values[cell] };
}

function surfaceGrid(run, surface) {
  const z = [];
  const text = [];
  for (let row = 0; row < surface.rows; ++row) {
    const begin = row * surface.columns;
    z.push(surface.values.slice(begin, begin + surface.columns).map((value) =>
      (value === null ? null : Math.abs(value))));
    text.push(z[row].map((_, column) => {
      const cell = cellName(run, surface, row, column);
      return `x = ${show(cell.value)}<br>token ${plotText(cut(cell.token, 30))}` +
        `<br>position ${cell.position}<br>channel ${cell.channel}`;
    }));
  }
  const ticks = (count, block) => Array.from({ length: count }, (_, at) => at * block + (block - 1) / 2);
  return { z, text, x: ticks(surface.columns, surface.channel_block),
    y: ticks(surface.rows, surface.token_block) };
}

// Smallest and largest |x| of the surfaces that share a scale.
function surfaceRange(chosen) {
  const list = surfaceState.shared ? surfaceRuns().flatMap((entry) => entry.site.surfaces.all) :
    chosen.map(({ surface }) => surface);
  let least = Infinity;
  let most = 0;
  for (const surface of list)
    for (const value of surface.values) {
      const size = Math.abs(value);
      if (size > most) most = size;
      if (size > 0 && size < least) least = size;
    }
  return { least: Number.isFinite(least) ? least : 1e-6, most: most || 1 };
}

// Colours span five decades below the top at most: what is smaller is all the same plain.
function colourRange(range) {
  const most = Math.log10(range.most);
  return [Math.max(Math.log10(range.least), most - 5), most];
}

function colourBar(range, theme, width, above) {
  const [least, most] = colourRange(range);
  return { cmin: least, cmax: most, colorscale: COLOURS,
    colorbar: sizeBar(least, most, theme, width, above) };
}

// All runs have one layer and sequence; only the surface has to choose a run.
function surfaceControls(change, withRun) {
  const chosen = chosenSurface();
  if (!chosen) return [];
  const redraw = () => rebuild(surfaceFigure, heatFigure);
  const runs = surfaceRuns();
  const at = chosen.choices.indexOf(chosen.surface);
  return [
    withRun && runs.length > 1 ? select("Run", runs.map((entry) => [entry.index, cut(entry.run.label, 60)]),
      chosen.entry.index, (value) => { surfaceState.run = Number(value); redraw(); }) : null,
    chosen.choices.length > 1 ? layerSlider(chosen, at, change) : null,
    chosen.sequences.length > 1 ? select("Sequence", chosen.sequences.map((s) => [s, s]),
      chosen.surface.sequence, (value) => { surfaceState.sequence = Number(value); redraw(); }) :
      null,
    checkbox("one scale for all layers" + (report.runs.length > 1 ? " and runs" : ""),
      surfaceState.shared, (on) => { surfaceState.shared = on; redraw(); })];
}

// While it moves the other figure follows, and the slider keeps the focus.
function layerSlider(chosen, at, change) {
  return slider("Layer", chosen.choices.length, at,
    (value) => layerName(chosen.entry.site, chosen.choices[value].layer).replace("layer ", ""),
    (value) => {
      surfaceState.layer = chosen.choices[value].layer;
      change();
      for (const figure of figures)
        if (figure.spec === surfaceFigure || figure.spec === heatFigure) {
          const other = figure.bar.querySelector("input[type=range]");
          if (other && Number(other.value) !== value) {
            other.value = value;
            other.nextElementSibling.textContent = layerName(chosen.entry.site,
              surfaceState.layer).replace("layer ", "");
            drawFigure(figure);
          }
        }
    });
}

function surfaceNote(surface, site) {
  const notes = [];
  if (surface.offsets !== null)
    notes.push(`Thinned: of ${surface.tokens} × ${surface.channels} values, each cell shows the ` +
      `largest of ${surface.token_block} tokens × ${surface.channel_block} channels, so the plain ` +
      "looks higher than it is; peaks keep their height and their place.");
  if (site.surfaces.left_out)
    notes.push(`${site.surfaces.left_out} more surfaces are in the store (tepui export), left out ` +
      "here to keep the page small.");
  return notes.join(" ");
}

function surfacePlace({ entry, surface }) {
  const place = `${layerName(entry.site, surface.layer)}, sequence ${surface.sequence}`;
  return report.runs.length > 1 ? `${entry.run.label}, ${place}` : place[0].toUpperCase() + place.slice(1);
}

function surfaceSee() {
  const chosen = chosenSurface();
  if (!chosen) return shownRuns().length ? shownRuns()[0].site.surfaces.see : "No run is shown.";
  return `${surfacePlace(chosen)}. ${chosen.entry.site.surfaces.see}`;
}

// The largest cells: a table of all would be as long as the figure has cells.
const MOST_CELLS = 200;
function surfaceTable(all) {
  const rows = all.flatMap(({ entry, surface }) => {
    const order = surface.values.map((_, at) => at).filter((at) => surface.values[at] !== null)
      .sort((a, b) => Math.abs(surface.values[b]) - Math.abs(surface.values[a])).slice(0, MOST_CELLS);
    return order.map((at) => {
      const cell = cellName(entry.run, surface, Math.floor(at / surface.columns), at % surface.columns);
      const layer = entry.site.layers === null ? null : entry.site.layers[surface.layer];
      return [entry.run.label, layer, surface.sequence, cell.value, cell.position, cell.token, cell.channel];
    });
  });
  return { columns: [{ name: "run", kind: "text" }, ...numbers("layer", "sequence", "value", "position"),
    { name: "token", kind: "token" }, ...numbers("channel")], rows,
  note: `The ${MOST_CELLS} largest cells of a run; tepui export has all.` };
}

const surfaceFigure = {
  id: "surface", kind: KIND_3D, title: "|activation| over tokens and channels, as a surface",
  see: () => surfaceSee() + " Drag to turn, or focus it and use the arrow keys, + and −; 0 turns it back.",
  controls: (change) => [...surfaceControls(change, true),
    checkbox("height logarithmic", surfaceState.log, (on) => { surfaceState.log = on; change(); })],
  chart: (theme, width) => {
    const chosen = chosenSurface();
    if (!chosen) return { data: [], layout: {}, height: 0 };
    const grid = surfaceGrid(chosen.entry.run, chosen.surface);
    const range = surfaceRange([chosen]);
    const axis = { gridcolor: theme.grid, color: theme.ink, backgroundcolor: theme.paper,
      showbackground: true, zerolinecolor: theme.grid };
    const bar = colourBar(range, theme, width, 1.01);
    const z = surfaceState.log ? grid.z.map((row) => row.map((size) => (size > 0 ? size : null))) :
      grid.z;
    return { height: width < 600 ? 420 : 620, dragmode: "turntable",
      note: surfaceNote(chosen.surface, chosen.entry.site),
      data: [{ type: "surface", x: grid.x, y: grid.y, z, text: grid.text, ...bar,
        surfacecolor: grid.z.map((row) => row.map((size) => (size > 0 ? Math.log10(size) : bar.cmin))),
        hovertemplate: "%{text}<extra></extra>", contours: { x: { highlight: false },
          y: { highlight: false }, z: { highlight: false } },
        lighting: { ambient: 0.75, diffuse: 0.5, specular: 0.05 }, showscale: width >= 600 }],
      layout: { margin: { l: 0, r: 0, t: 0, b: 0 }, scene: {
        xaxis: { ...axis, title: { text: "channel" } },
        yaxis: { ...axis, title: { text: "position (token)" } },
        zaxis: { ...axis, title: { text: "|x|" }, type: surfaceState.log ? "log" : "linear",
          range: surfaceState.log ? [colourRange(range)[0], Math.log10(range.most)] : [0, range.most] },
        aspectmode: "manual", aspectratio: { x: 1.15, y: 1.15, z: 0.8 },
        camera: { eye: startCamera(width), center: { x: 0, y: 0, z: -0.12 } } }, uirevision: "surface" } };
  },
  table: () => surfaceTable([chosenSurface()].filter(Boolean)),
};
