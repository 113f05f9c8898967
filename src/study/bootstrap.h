// SPDX-License-Identifier: MIT
// Bootstrap intervals over sequences: tokens of a sequence depend on one another, sequences are
// what was drawn. With the same seed the same sequences are drawn on every machine.
#pragma once

#include <cstdint>
#include <span>

namespace tepui {

struct BootstrapOptions {
  int resamples = 1000;
  std::uint64_t seed = 1;
};

struct Interval {
  double mean = 0;  // of all sequences
  double low = 0;   // 2.5 % of the resamples lie below,
  double high = 0;  // 2.5 % above
};

// Of the ratio sum / count, both by sequence. NaN where there is no count at all; without an
// interval (NaN) where one sequence has all of it, which says nothing of how much sequences differ.
Interval bootstrap_ratio(std::span<const double> sums, std::span<const double> counts,
                         const BootstrapOptions& options);

}  // namespace tepui
