// SPDX-License-Identifier: MIT
// All that a report's page draws, as one JSON document: a pure function of the stores. What is
// thinned to keep the page small says so beside what is left.
#pragma once

#include <string>
#include <vector>

#include "report/chart_value.h"
#include "report/source.h"

namespace tepui {

// What a page may hold in all, divided among its runs, sites and layers.
struct ReportBudget {
  std::size_t cells = 660'000;  // of surfaces; some 10 bytes each
  std::size_t surfaces = 400;
  std::size_t places = 16'000;     // some 60 bytes each, and a node of the page
  std::size_t token_rows = 6'000;  // some 150 bytes each
  std::size_t words = 200'000;     // a token's change under a branch: some 6 bytes, 20 a token
};

// {format, tepui, runs [{label, folder, command, finding, rule {min_abs, min_ratio}, notes, facts,
// layers, branches and words of runs that have them, tokens {id: {text, piece}}, sequences {number:
// [token ids]} of surfaces, sites [{site, layers: null for a site without, curves, quantiles,
// places, tokens, life, surfaces}]}]}; the charts are described with their functions. Token texts
// are spelled with everything invisible shown (study/wording.h).
// `others` are runs without a store of their own (report/training_chart.h, bench_chart.h), behind
// these.
Result<ChartJson> report_data(std::vector<ReportSource>& sources, const ReportBudget& budget = {},
                              const std::vector<ChartJson>& others = {});

}  // namespace tepui
