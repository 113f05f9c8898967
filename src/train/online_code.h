// SPDX-License-Identifier: MIT
// The online code of Voita and Titov (2020): how many bits labels take if they are sent in
// portions, each coded by a probe trained on the portions before it. Short: the rows tell the
// labels easily.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tepui/result.h"

namespace tepui {

struct OnlineCode {
  double bits = 0;          // the first portion by a uniform code, then what the probes give
  double uniform_bits = 0;  // rows * log2(classes)
  std::int64_t rows = 0;
  double compression() const { return uniform_bits / bits; }
};

// Rows in all up to the end of each portion: 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.25, 12.5, 25, 50 and
// 100 % of the rows, rounded; empty portions are left out.
std::vector<std::int64_t> portion_ends(std::int64_t rows);

// Trains on the first `known` of `order` and gives the rows' log-probabilities, [next, classes],
// of the `next` rows behind them.
using PortionFit = std::function<Result<std::vector<double>>(std::span<const std::int64_t> known,
                                                             std::span<const std::int64_t> next)>;

// `order` are the rows as they are sent, `labels` those of all rows. A label costs -log2 of its
// probability under the probe's distribution mixed with a uniform one in shares known : 1, so that
// one that never occurred before costs a finite number of bits.
Result<OnlineCode> online_code(std::span<const std::int64_t> order, std::span<const int> labels,
                               int classes, const PortionFit& fit);

}  // namespace tepui
