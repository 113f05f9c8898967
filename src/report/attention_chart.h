// SPDX-License-Identifier: MIT
// The data of attention's figures, from a store of `tepui attention`.
#pragma once

#include <set>
#include <string>

#include "report/chart_value.h"
#include "study/attention_summary.h"

namespace tepui {

// Maps beyond so many cells are left out, the last ones first; `tokens` collects the ids that the
// charts name.
Result<ChartJson> attention_chart(StoreReader& store, const AttentionSummary& summary,
                                  std::size_t cells, std::set<std::int32_t>& tokens);

// What the store says, in a few lines.
std::string attention_finding(const AttentionSummary& summary);

}  // namespace tepui
