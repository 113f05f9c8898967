// SPDX-License-Identifier: MIT
// What a store holds of branches, weights and probes as tables for export; empty for a scan.
//   branches     branch, name, edits
//   likelihoods  branch, sequence, tokens, nll, kl
//   calibration  layer, site, channel, token_class, count, mean, deviation
//   weights      layer, weight, metric, value
//   probes       model, target, layer, site, features, probe, seed, metric, value
#pragma once

#include <string_view>
#include <vector>

#include "store/data_table.h"
#include "store/reader.h"
#include "tepui/result.h"

namespace tepui {

inline constexpr std::string_view kBranchTables[] = {"branches", "likelihoods", "calibration",
                                                     "weights", "probes"};

Result<std::vector<DataTable>> branch_tables(StoreReader& store);

}  // namespace tepui
