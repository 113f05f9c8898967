// SPDX-License-Identifier: MIT
// Whether a probe's advantage over guessing could be chance, and what is left of that when many
// were tried.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tepui {

// One-sided p-value of a sum of advantages, one of each sequence, by flipping their signs at random
// (9999 draws and the one at hand): sequences are what was drawn, tokens of one depend on one
// another.
double sign_flip_p(std::span<const double> advantages, std::uint64_t seed = 1);

// Benjamini and Hochberg (1995): the least rate of false discoveries at which each would be called
// one. NaN where the p-value is.
std::vector<double> false_discovery_rates(std::span<const double> p);

}  // namespace tepui
