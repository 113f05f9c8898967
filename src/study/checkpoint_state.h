// SPDX-License-Identifier: MIT
// What the store of a watched step or checkpoint says of it: means over its sequences.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "store/rows.h"
#include "study/checkpoints.h"
#include "study/massive.h"

namespace tepui {

// The ratio to the median that `large_channels` are above.
inline constexpr double kLargeRatio = 100;

struct LayerState {
  double median = 0;      // mean over sequences of the lower median of |resid_post|
  double top = 0;         // mean over sequences of the largest
  double top_median = 0;  // their quotient: top-1 / median, ratio of means
  double ratio = 0;       // mean over sequences of largest / median, mean of ratios
  float value = 0;        // the largest of all, signed, and where it is
  std::int64_t position = 0;
  std::int64_t channel = 0;
  // Of the token that holds its sequence's largest: channels of the top-k above 100 medians.
  std::set<std::int64_t> large_channels = {};
  // Of attention, means over heads; NaN where it was not measured.
  double sink = 0;         // what token 0 receives of the first 64 queries
  double sink_rate = 0;    // share of heads and sequences in which that is above 0.3
  double key_first = 0;    // l2 norm of its key
  double key_others = 0;   // mean of those behind
  double value_first = 0;  // likewise of values
  double value_others = 0;
};

struct CheckpointState {
  Checkpoint checkpoint;
  std::filesystem::path store;
  double loss = 0;        // nats per predicted token
  double start_loss = 0;  // of tokens that begin a sentence (study/sentence_starts.h); NaN: none
  double other_loss = 0;  // of all others
  std::int64_t starts = 0;
  std::vector<LayerState> layers;
  std::int64_t massive = 0;  // values that the rule of `tepui scan` calls so
  double sink_rate = 0;      // mean over layers; NaN where attention was not measured
  std::vector<WeightRow> weights;

  // How much harder the beginning of a sentence is than the rest, nats per token.
  double boundary_gap() const { return start_loss - other_loss; }
};

Result<CheckpointState> read_checkpoint_state(const std::filesystem::path& store,
                                              const Checkpoint& checkpoint,
                                              const MassiveRule& rule);

}  // namespace tepui
