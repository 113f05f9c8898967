// SPDX-License-Identifier: MIT
// One probe, of one target at one place, with all that belongs to its result: every seed's split by
// sequence, baselines, control task, online code, and a p-value over sequences.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "store/rows.h"
#include "study/probe_targets.h"
#include "train/features.h"
#include "train/probe_fit.h"

namespace tepui {

struct ProbeControls {
  bool random_labels = true;
  bool control_task = true;
  bool online_code = true;
};

struct ProbeSettings {
  std::vector<double> lambdas = {1e-3};  // several: of each seed that with the least dev loss
  FitOptions fit;
  int seeds = 5;
  int folds = 5;
  bool balanced = false;  // classes weigh the same
  ProbeControls controls;
};

// Rows of a place and whose they are.
struct ProbeData {
  const RowSource& rows;  // of every token of all sequences
  std::span<const int> sequence_of_token;
  std::span<const std::int32_t> token_ids;
  const ProbeTarget& target;
  std::span<const int> massive_channels;
  NetLossFactory& losses;
  ThreadPool* pool = nullptr;
  std::uint64_t memory = 0;  // bytes that copies of rows may take
};

// A probe that can be applied.
struct TrainedProbe {
  FeatureMap map;
  DenseNet net;
};

struct ProbeResult {
  std::vector<ProbeRow> rows;  // seed, metric and value; the rest is left to the caller
  TrainedProbe first;          // of seed 0
};

Result<ProbeResult> train_probe(const ProbeData& data, const ProbeKind& kind,
                                const FeatureSpec& features, const ProbeSettings& settings,
                                const std::function<void(int seed)>& on_seed);

}  // namespace tepui
