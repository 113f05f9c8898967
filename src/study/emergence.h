// SPDX-License-Identifier: MIT
// How massive activations come during training: the same text through every checkpoint of a series,
// and what that says of each layer. What is watched of each checkpoint stays in a store of its own,
// so that a series that grew, or a run that was stopped, goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "study/checkpoint_state.h"
#include "study/checkpoints.h"
#include "study/input_request.h"
#include "tepui/result.h"

namespace tepui {

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
  std::vector<std::string> failures;  // of checkpoints that could not be measured, with their names
};

// A checkpoint that cannot be measured costs itself alone; an error where none can.
Result<Emergence> run_emergence(const EmergenceRequest& request, const RunProgress& progress);

// The stores of what was watched: of a training run's steps, of a study in the folder, or the
// folder's own. Empty where it has none.
Result<std::vector<Checkpoint>> watched_stores(const std::filesystem::path& folder);

// What is there already, computing nothing. Without states where the folder has no such stores.
Result<Emergence> read_emergence(const std::filesystem::path& folder, double threshold);

// Whether coherence came with the largest ratio (study/coherence.h), as lines and as JSON.
std::string coherence_text(const Emergence& emergence);
nlohmann::ordered_json coherence_json(const Emergence& emergence);

std::string emergence_text(const Emergence& emergence);
nlohmann::ordered_json emergence_json(const Emergence& emergence);

}  // namespace tepui
