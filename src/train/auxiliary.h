// SPDX-License-Identifier: MIT
// Terms beside the language model's loss, by which a small model is brought to massive activations
// in minutes: squares of how far values are from where they are asked to be, 0 where they are
// there. Medians count as constants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "models/spec.h"
#include "ops/builder.h"
#include "tepui/site.h"

namespace tepui {

enum class AuxiliaryKind : std::uint8_t {
  spike,   // |x| of the first token's `channels` at least `ratios` times the sequence's median
  others,  // |x| of all other channels at most ratios[0] times the median
  sink,    // the probability that each head's queries give the first token at least `share`
};

// Of the residual stream behind layers [first, last], or their attention.
struct AuxiliaryTerm {
  AuxiliaryKind kind = AuxiliaryKind::spike;
  int first = 0;
  int last = 0;
  std::vector<int> channels = {};
  std::vector<double> ratios = {};
  double share = 0;
  double weight = 1;  // of squares: a mean over sequences, of sinks also over queries and heads
  std::int64_t until = std::numeric_limits<std::int64_t>::max();  // 0 from this step on
};

// What the terms of one micro-batch add to a Program.
struct AuxiliaryLosses {
  struct Input {
    Value value;
    std::vector<std::byte> bytes;
    std::size_t term = kAlways;  // whose weights of rows they are
    static constexpr std::size_t kAlways = static_cast<std::size_t>(-1);
  };
  std::vector<Value> losses;  // f32 [R]; outputs
  std::vector<Value> held;    // what counts as a constant
  std::vector<Input> inputs;
};

struct AuxiliaryShape {
  int sequences = 1;
  int length = 1;
  int accumulation = 1;  // micro-batches of a step
};

// Behind the forward steps of all layers; `sites` holds each layer's resid_post.
AuxiliaryLosses add_auxiliary(Builder& builder, const std::vector<AuxiliaryTerm>& terms,
                              const Dims& dims, const AuxiliaryShape& shape, Value offsets,
                              const std::vector<std::pair<Point, Value>>& sites);

}  // namespace tepui
