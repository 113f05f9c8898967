// SPDX-License-Identifier: MIT
// What a watched step of a training run hands out: the rows that a scan of the same sequences would
// give, every token's loss, and how the weights are spread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "metrics/row_sink.h"
#include "metrics/watch.h"
#include "train/weight_statistics.h"

namespace tepui {

struct WatchedWeight {
  int layer = 0;     // kGlobalLayer: of none
  std::string name;  // its role: "q", "token_embedding"
  WeightStatistics statistics;
};

struct WatchReport {
  std::int64_t step = 0;
  const WatchWork* work = nullptr;
  std::vector<std::vector<std::int32_t>> sequences;
  std::vector<std::vector<double>> losses;  // nats, of each token but the first of each sequence
  std::size_t unscored = 0;                 // the first of each that a prefix mask shows
  std::vector<WatchedWeight> weights;
  std::function<Status(RowSink&)> rows;  // once, within a unit of all sequences
};

}  // namespace tepui
