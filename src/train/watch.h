// SPDX-License-Identifier: MIT
// What is measured while a model is trained: on sequences that stay the same, at every layer, by
// the steps that a scan uses, added to the forward Program. The rest is counted on the host.
#pragma once

#include <cstdint>
#include <vector>

#include "models/lower.h"
#include "ops/builder.h"
#include "tepui/site.h"

namespace tepui {

constexpr uint kWatchedTop = 3;
constexpr double kSinkShare =
    0.3;  // a head is a sink where its mean attention to position 0 is more

// Of one layer; all outputs of the Program.
struct WatchedValues {
  int layer = 0;
  Value top;     // f32 [S, kWatchedTop] of resid_post
  Value index;   // u32 [S, kWatchedTop]
  Value median;  // f32 [S, 1]
  Value sink;    // f32 [R, H]: each query's attention to position 0; kNone without attention
};

struct WatchInputs {
  Value ranks;   // u32 [S, 1]: that of the lower median
  Value marked;  // u32 [S, 1]: position 0
};

// Adds the steps behind those of the blocks; `sites` has the blocks' values.
std::vector<WatchedValues> add_watch(Builder& builder, Value offsets,
                                     const std::vector<std::pair<Point, Value>>& sites,
                                     WatchInputs& inputs);

struct LayerWatch {
  int layer = 0;
  double median = 0;  // mean over sequences
  double top = 0;     // likewise of the largest |x|
  double ratio = 0;   // likewise of largest / median
  float value = 0;    // the largest of all, signed, and where it is
  std::int64_t sequence = 0;
  std::int64_t position = 0;
  std::int64_t channel = 0;
  double sink = 0;  // mean attention to position 0, over heads, queries behind it and sequences
  double sink_rate = 0;  // the share of heads that are sinks
};

// From what the outputs hold, for sequences of one length.
LayerWatch layer_watch(int layer, int sequences, int length, int width,
                       const std::vector<float>& top, const std::vector<std::uint32_t>& index,
                       const std::vector<float>& median, const std::vector<float>& sink);

}  // namespace tepui
