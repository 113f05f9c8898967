// SPDX-License-Identifier: MIT
// The store of one watched step of a training run (RUN/watched/step-002000), which has the same
// rows as that of a checkpoint in a series (study/watch_run.h): one unit, there whole or not at
// all. A run that goes on makes again what it had watched from its checkpoint on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "input/tokenizer.h"
#include "metrics/watch.h"
#include "store/writer.h"
#include "train/watch.h"

namespace tepui {

std::filesystem::path watched_folder(const std::filesystem::path& run);

// What results depend on beside model and text.
nlohmann::json watch_identity(const WatchWork& work);
bool is_watch(const nlohmann::json& identity);

std::vector<WeightRow> weight_rows(const std::vector<WatchedWeight>& weights);

class WatchedSteps {
 public:
  // `identity` and `info` are the run's; without a tokenizer tokens are shown by their ids.
  WatchedSteps(std::filesystem::path run, nlohmann::json identity, RunInfo info)
      : run_(std::move(run)), identity_(std::move(identity)), info_(std::move(info)) {}

  // Takes away the steps from this one on, which will come again.
  Status begin(std::int64_t step);
  Status write(const WatchReport& report);

 private:
  std::filesystem::path run_;
  nlohmann::json identity_;
  RunInfo info_;
  std::unique_ptr<Tokenizer> tokenizer_;  // of the run's `initial`
};

}  // namespace tepui
