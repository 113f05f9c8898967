// SPDX-License-Identifier: MIT
// Counts what a backend does for each part of a model and each chunk: the price of a layer, of its
// weights and of its taps in dispatches, submissions, waits and bytes. Counts alone, so that a test
// can hold them.
#pragma once

#include <string>
#include <vector>

#include "exec/run_observer.h"
#include "tepui/backend.h"

namespace tepui {

class RunTrace final : public RunObserver {
 public:
  struct Row {
    std::string part;  // "embedding", "block", "final norm"
    int layer = kNoLayer;
    int first_sequence = 0;
    int rows = 0;   // of the chunk
    int sites = 0;  // that are tapped
    // While the part was issued. A wait in here is one inside a layer.
    BackendCounters counted;
    std::size_t asked_bytes = 0;  // what its taps give
    WeightsLoaded weights;        // for the part; of its first chunk
  };

  // The backend must outlive it.
  explicit RunTrace(const Backend& backend) : backend_(backend), start_(backend.counters()) {}

  void loaded(int layer, const WeightsLoaded& what) override { loaded_ = {layer, what}; }
  void before(const PartRun& part) override;
  void after(const PartRun& part, std::size_t asked_bytes) override;

  const std::vector<Row>& rows() const { return rows_; }  // in the order in which they were issued

  // A line for each layer, with what one of its chunks takes (the least and the most of them where
  // they differ), and what the run took beside.
  std::string table() const;

 private:
  const Backend& backend_;
  BackendCounters start_;
  BackendCounters before_;
  std::pair<int, WeightsLoaded> loaded_;  // for the next chunk
  std::vector<Row> rows_;
};

}  // namespace tepui
