// SPDX-License-Identifier: MIT
// What a probe sees of an activation row. A few channels that stand a thousand times above the rest
// decide any regularised or gradient-trained probe, so that rows are looked at in several ways:
// as they are (raw), each channel less its mean over its standard deviation (standardised), without
// the massive channels, these alone, limited to -V .. V (clipped:V), over their root mean square
// (rms). A name may join several with '+': they are applied in the order clipped, channels, rms,
// standardised.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "train/row_source.h"

namespace tepui {

struct FeatureSpec {
  enum class Channels : std::uint8_t { all, without_massive, only_massive };

  Channels channels = Channels::all;
  bool standardised = false;
  bool rms = false;
  double limit = 0;  // 0: none

  std::string name() const;
  bool needs_massive() const { return channels != Channels::all; }
  bool operator==(const FeatureSpec&) const = default;
};
Result<FeatureSpec> parse_features(std::string_view text, std::string_view option);

// The same with what was learnt from training rows.
struct FeatureMap {
  int width = 0;              // of the activations
  std::vector<int> channels;  // that are kept, ascending; empty: all
  float limit = 0;            // 0: none
  bool rms = false;
  std::vector<float> mean;   // [out]; empty: not standardised
  std::vector<float> scale;  // 1 / standard deviation; 0 for a channel that does not vary

  int out_width() const { return channels.empty() ? width : static_cast<int>(channels.size()); }
  // [count, width] to [count, out_width].
  void apply(std::span<const float> rows, std::span<float> out) const;
};

// Rows `index` (ascending) of `from` through a map: as a copy in memory where that takes no more
// than `most_bytes`, else read and mapped each time. `from` must live as long.
Result<std::unique_ptr<RowSource>> mapped_rows(const RowSource& from,
                                               std::vector<std::int64_t> index,
                                               const FeatureMap& map, std::uint64_t most_bytes);

// Mean and deviation of those rows, one pass. `massive` are the massive channels, ascending; an
// error where the features are of such channels and there are none, or nothing would be left.
Result<FeatureMap> learn_features(const FeatureSpec& spec, std::span<const int> massive,
                                  const RowSource& from, const std::vector<std::int64_t>& index,
                                  ThreadPool* pool);

}  // namespace tepui
