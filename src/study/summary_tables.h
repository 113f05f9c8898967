// SPDX-License-Identifier: MIT
// A summary as tables for export: what is shown beside the store's own rows.
//   runs       each time the program worked on the store: model, hashes, device, options, times
//   layers     layer, site, sequences, median, top_1.., massive_sequences, quantile_F..: means over
//              sequences
//   massive    every massive activation, with its token
//   constancy  massive values by layer, channel and token class; tokens: "id:count" of each
//   tokens     massive values by token and channel (study/token_table.h)
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "store/data_table.h"
#include "store/rows.h"
#include "study/summary.h"

namespace tepui {

DataTable runs_table(std::span<const RunRecord> runs);
std::vector<DataTable> summary_tables(const ScanSummary& scan);

// The names of all of them, in order, the runs' first.
inline constexpr std::string_view kSummaryTables[] = {"runs", "layers", "massive", "constancy",
                                                      "tokens"};

}  // namespace tepui
