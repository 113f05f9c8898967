// SPDX-License-Identifier: MIT
// How massive activations come during training: the same text through every checkpoint of a series,
// and what that says of each layer. Each checkpoint's scan and perplexity stay in stores of their
// own, so that a series that grew, or a run that was stopped, goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "study/input_request.h"
#include "tepui/result.h"

namespace tepui {

struct Checkpoint {
  std::filesystem::path path;
  std::int64_t step = 0;
};

// The models in a folder whose names hold a number (step-002000, step00250, ckpt_500.pt), by that
// number; `initial` counts as step 0. An error where there are none, or two of one step.
Result<std::vector<Checkpoint>> find_checkpoints(const std::filesystem::path& folder);

struct LayerState {
  double median = 0;      // mean over sequences of the lower median of |resid_post|
  double top = 0;         // mean over sequences of the largest
  double top_median = 0;  // their quotient: top-1 / median, ratio of means
  double ratio = 0;       // mean over sequences of largest / median, mean of ratios
};

struct CheckpointState {
  Checkpoint checkpoint;
  double loss = 0;  // nats per predicted token
  std::vector<LayerState> layers;
  std::int64_t massive = 0;  // values that the rule of `tepui scan` calls so
};

// Of one layer, by the mean of ratios. Onset: the first of two checkpoints in a row (or the last
// one) above the threshold.
struct LayerCourse {
  std::optional<std::int64_t> onset;
  std::int64_t peak_step = 0;
  double peak = 0;
  double end = 0;
};
std::vector<LayerCourse> courses(const std::vector<CheckpointState>& states, double threshold);

struct EmergenceRequest {
  InputRequest input;  // its model is the folder of checkpoints; its `out` is needed
  double threshold = 100;
};

struct Emergence {
  std::vector<CheckpointState> states;
  double threshold = 100;
};

Result<Emergence> run_emergence(const EmergenceRequest& request, const RunProgress& progress);

std::string emergence_text(const Emergence& emergence);
nlohmann::ordered_json emergence_json(const Emergence& emergence);

}  // namespace tepui
