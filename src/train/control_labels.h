// SPDX-License-Identifier: MIT
// Labels that mean nothing: what a probe reaches on them is what it can do by itself.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tepui {

// The control task of Hewitt and Liang (2019): every type (a token of the vocabulary) has one
// label, drawn once from the labels that are there; by seed and type alone, whatever else occurs.
// `types` and the labels are of the same rows; for values likewise.
std::vector<int> control_labels(std::span<const int> labels, std::span<const std::int32_t> types,
                                std::uint64_t seed);
std::vector<double> control_values(std::span<const double> values,
                                   std::span<const std::int32_t> types, std::uint64_t seed);

// The same labels in random order.
std::vector<int> shuffled_labels(std::span<const int> labels, std::uint64_t seed);
std::vector<double> shuffled_values(std::span<const double> values, std::uint64_t seed);

// The most frequent label, the lowest among equals.
int majority_of(std::span<const int> labels, int classes);

}  // namespace tepui
