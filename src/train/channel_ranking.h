// SPDX-License-Identifier: MIT
// Which channels tell most of a label, one by one: where k-sparse probes look (Gurnee et al. 2023).
#pragma once

#include <string_view>

#include "train/mlp.h"

namespace tepui {

// mean_difference: |mean of the class - mean of the others|, the largest over classes.
// f_statistic: that of the analysis of variance. l1: |weight|, the largest over classes, of a
// logistic regression with the l1 norm of its weights times 1 / (C rows), C = 0.1.
enum class Ranking : std::uint8_t { mean_difference, f_statistic, l1 };
Result<Ranking> ranking_from_name(std::string_view name);
std::string_view ranking_name(Ranking ranking);

// All features, the most telling first; the lowest index first among equals.
Result<std::vector<int>> rank_channels(const LabelledRows& data, int classes, Ranking ranking,
                                       ThreadPool* pool);

}  // namespace tepui
