// SPDX-License-Identifier: MIT
#include "train/watch.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace tepui {
namespace {

// The attention steps in the order of the layers.
std::vector<Step> attention_steps(const Program& program) {
  std::vector<Step> steps;
  for (const Step& step : program.steps) {
    if (step.op == OpCode::attention) steps.push_back(step);
  }
  return steps;
}

}  // namespace

std::vector<WatchedValues> add_watch(Builder& builder, Value offsets,
                                     const std::vector<std::pair<Point, Value>>& sites,
                                     WatchInputs& inputs) {
  const std::int64_t sequences = builder.type(offsets).shape[0] - 1;
  inputs.ranks = builder.input({DType::u32, Shape{sequences, 1}}, "ranks");
  inputs.marked = builder.input({DType::u32, Shape{sequences, 1}}, "marked");
  const std::vector<Step> attention = attention_steps(builder.program());
  std::vector<WatchedValues> watched;
  for (const auto& [point, value] : sites) {
    if (point.site != Site::resid_post) continue;
    WatchedValues& one = watched.emplace_back();
    one.layer = point.layer;
    const auto top = builder.top_k_abs(value, offsets, kWatchedTop, "watched");
    one.top = top.value;
    one.index = top.index;
    one.median = builder.quantile_abs(value, offsets, inputs.ranks, "median");
    const auto layer = static_cast<std::size_t>(point.layer);
    if (layer < attention.size()) {
      const Step& step = attention[layer];
      const Builder::AttentionInputs of{step.in[0], step.in[1], step.in[3], step.in[4],
                                        step.params.as<AttentionParams>()};
      one.sink = builder.attention_stats(of, inputs.marked, 1, "attention").chosen;
    }
    for (const Value output : {one.top, one.index, one.median, one.sink}) {
      if (output.present()) builder.mark_output(output);
    }
  }
  return watched;
}

LayerWatch layer_watch(int layer, int sequences, int length, int width,
                       const std::vector<float>& top, const std::vector<std::uint32_t>& index,
                       const std::vector<float>& median, const std::vector<float>& sink) {
  LayerWatch out;
  out.layer = layer;
  for (int s = 0; s < sequences; ++s) {
    const auto at = static_cast<std::size_t>(s);
    const float value = top[at * kWatchedTop];
    const double largest = std::abs(static_cast<double>(value));
    out.median += static_cast<double>(median[at]) / sequences;
    out.top += largest / sequences;
    out.ratio += largest / static_cast<double>(median[at]) / sequences;
    if (s != 0 && std::abs(value) <= std::abs(out.value)) continue;
    out.value = value;
    out.sequence = s;
    out.position = index[at * kWatchedTop] / static_cast<std::uint32_t>(width);
    out.channel = index[at * kWatchedTop] % static_cast<std::uint32_t>(width);
  }
  const auto rows = static_cast<std::size_t>(sequences) * static_cast<std::size_t>(length);
  const std::size_t heads = sink.size() / rows;
  const double counted = static_cast<double>(sequences) * std::max(1, length - 1);
  for (std::size_t h = 0; h < heads; ++h) {
    double mean = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      const bool first = r % static_cast<std::size_t>(length) == 0;
      mean += first ? 0 : static_cast<double>(sink[r * heads + h]) / counted;
    }
    out.sink += mean / static_cast<double>(heads);
    out.sink_rate += (mean > kSinkShare ? 1.0 : 0.0) / static_cast<double>(heads);
  }
  return out;
}

}  // namespace tepui
