// SPDX-License-Identifier: MIT
// Whether coherence comes with the massive activations: how the ratio of the layer that has the
// largest goes with the loss, and with how much harder the beginning of a sentence is than the
// rest, over the checkpoints of a series.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "study/checkpoint_state.h"

namespace tepui {

// Spearman's, with mean ranks for ties; NaN where one of them does not vary.
double rank_correlation(const std::vector<double>& x, const std::vector<double>& y);

// The shift at which one series follows another best: y at t against x at t - steps (between two
// checkpoints on the line between them). Positive: y comes later.
struct Lag {
  std::int64_t steps = 0;
  double correlation = 0;
};
// Over shifts of up to a third of the whole, by the median distance of checkpoints; at least eight
// of them must overlap. Of equal correlations the least shift.
std::optional<Lag> best_lag(const std::vector<std::int64_t>& steps, const std::vector<double>& x,
                            const std::vector<double>& y);

struct Coherence {
  std::size_t checkpoints = 0;           // whose numbers are all finite
  double loss_correlation = 0;           // of the ratio with the loss; NaN: cannot be told
  double gap_correlation = 0;            // with the gap at sentence starts
  std::optional<Lag> gap_lag;            // of the gap behind the ratio
  std::optional<std::int64_t> onset;     // the first layer's
  std::optional<std::int64_t> gap_half;  // where the gap has gone half the way of the whole series
};

Coherence coherence(const std::vector<CheckpointState>& states, std::optional<std::int64_t> onset);

}  // namespace tepui
