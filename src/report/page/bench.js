"use strict";
// What `tepui bench` measured: tokens a second, and the share of the rate of multiply-adds, by length,
// weight type and backend, with the statistics of every layer and without.

function benchRuns() {
  return report.runs.map((run, index) => ({ run, index }))
    .filter(({ run, index }) => run.bench && state.shown[index]);
}

// {name, rows by length}: one for each backend and type of each run.
function benchSeries() {
  const several = benchRuns().length > 1;
  return benchRuns().flatMap(({ run }) => {
    const kinds = [...new Set(run.bench.rows.map((row) => `${row.backend}, ${row.type}`))];
    return kinds.map((kind) => ({ run, name: (several ? run.label + ": " : "") + kind,
      rows: run.bench.rows.filter((row) => `${row.backend}, ${row.type}` === kind).sort((a, b) => a.length - b.length) }));
  });
}

function benchLine({ name, rows }, key, at, hollow, theme, factor, unit) {
  const of = (part) => rows.map((row) => row[key][part] * factor);
  const middle = of("median");
  const label = name + (hollow ? ", with statistics" : "");
  return { type: "scatter", mode: "lines+markers", name: plotText(cut(label, 60)), x: rows.map((row) => row.length), y: middle,
    line: { color: theme.list[at % theme.list.length], dash: hollow ? "dash" : "solid", width: 2 },
    marker: { size: 8, symbol: SYMBOLS[at % SYMBOLS.length] + (hollow ? "-open" : "") },
    error_y: { type: "data", symmetric: false, array: of("most").map((value, i) => value - middle[i]),
      arrayminus: of("least").map((value, i) => middle[i] - value), thickness: 1, color: theme.list[at % theme.list.length] },
    hovertemplate: `%{y:.4~g} ${unit}<br>%{x} tokens<extra>${plotText(cut(label, 40))}</extra>` };
}

function benchLengths(series) {
  const lengths = [...new Set(series.flatMap(({ rows }) => rows.map((row) => row.length)))].sort((a, b) => a - b);
  return { title: { text: "tokens of a sequence" }, type: "log", tickmode: "array", tickvals: lengths,
    ticktext: lengths.map(String) };
}

const benchFigure = {
  id: "bench-speed", kind: KIND_2D, title: "Tokens a second",
  see: () => "Prefill without the head: medians of interleaved rounds, bars from the least to the most. Dashed: with the " +
    "statistics of a scan at " + [...new Set(benchRuns().map(({ run }) => run.bench.sites))].join(", ") + ", every layer.",
  chart: (theme, width) => {
    const series = benchSeries();
    return { height: width < 600 ? 420 : 480, data: series.flatMap((one, at) => [
      benchLine(one, "tokens_per_second", at, false, theme, 1, "tokens/s"),
      benchLine(one, "tokens_per_second_with_statistics", at, true, theme, 1, "tokens/s")]),
    layout: plainFrame(theme, benchLengths(series), { title: { text: "tokens/s" }, rangemode: "tozero" }) };
  },
  table: () => ({ columns: [...["run", "backend", "type"].map((name) => ({ name, kind: "text" })),
    ...numbers("length", "tokens/s", "least", "most", "with statistics", "least", "most", "their cost", "share of the rate")],
  rows: benchRuns().flatMap(({ run }) => run.bench.rows.map((row) => [run.label, row.backend, row.type, row.length,
    ...["tokens_per_second", "tokens_per_second_with_statistics"].flatMap((key) =>
      [row[key].median, row[key].least, row[key].most]), row.cost_of_statistics.median, row.share_of_peak.median])) }),
};

const shareOfRateFigure = {
  id: "bench-share", kind: KIND_2D, title: "Share of the rate of multiply-adds",
  see: () => "FLOPs of the pass over its time, of what the same threads or device reach with multiply-adds on registers " +
    "alone, measured beside every run; without statistics.",
  chart: (theme, width) => {
    const series = benchSeries();
    const most = Math.max(100, ...series.flatMap(({ rows }) => rows.map((row) => 100 * row.share_of_peak.most)));
    return { height: width < 600 ? 380 : 420,
      data: series.map((one, at) => benchLine(one, "share_of_peak", at, false, theme, 100, "%")),
      layout: plainFrame(theme, benchLengths(series), { title: { text: "% of the rate" }, range: [0, most * 1.03] }) };
  },
  table: benchFigure.table,
};

function addBenchFigures() {
  if (!report.runs.some((run) => run.bench)) return;
  addFigure(benchFigure);
  addFigure(shareOfRateFigure);
}
