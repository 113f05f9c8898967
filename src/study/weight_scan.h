// SPDX-License-Identifier: MIT
// Which channels of the residual stream stand out in the weights themselves, without any text: in
// the gains of norms, in biases of what is added, and in the rows of the projections that write to
// the stream; and the single entries of the down projections that stand out most (super weights).
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "models/model.h"
#include "tepui/site.h"

namespace tepui {

// One vector over the channels: a norm's gains or a bias as |value|, a projection's rows as their
// l2 norms (of experts over all of them).
struct WeightPlace {
  int layer = kNoLayer;
  WeightRole role = WeightRole::down;
  bool rows = false;
  double median = 0;
  std::vector<float> values;  // [D]
};

// A channel that stands out there: ln(value) lies further from the median of all than `deviations`
// times their spread (1.4826 times the median distance from it, as the standard deviation of normal
// values). Biases and rows stand out upwards alone, gains either way.
struct ChannelMark {
  std::size_t place = 0;  // of WeightScan::places
  double value = 0;
  double ratio = 0;       // to the median
  double deviations = 0;  // signed
};

struct MarkedChannel {
  std::int64_t channel = 0;
  std::vector<ChannelMark> marks;  // the most deviant first
};

// An entry of a down projection.
struct WeightEntry {
  int layer = 0;
  int expert = -1;           // -1: no mixture
  std::int64_t channel = 0;  // row: the output
  std::int64_t neuron = 0;   // column: the input
  float value = 0;
  double ratio = 0;  // |value| over the root mean square of its matrix
};

struct WeightScan {
  std::string model;
  std::string model_path;
  std::string model_fingerprint;
  double deviations = 0;  // the limit
  std::vector<WeightPlace> places;
  std::vector<MarkedChannel>
      channels;  // that stand out anywhere: the largest sum of |deviations| first
  std::vector<WeightEntry> entries;  // the largest ratio first
};

struct WeightScanRequest {
  std::filesystem::path model;
  double deviations = 6;
  int entries = 10;  // that are kept
  int threads = 0;   // 0: all
};

// An error where a weight is not finite.
Result<WeightScan> scan_weights(const WeightScanRequest& request);

nlohmann::ordered_json weight_scan_json(const WeightScan& scan);
std::string weight_scan_table(const WeightScan& scan, int columns);

// The marks of |values|: exposed for tests.
std::vector<std::pair<std::size_t, ChannelMark>> marks_of_place(const WeightPlace& place,
                                                                double deviations);

}  // namespace tepui
