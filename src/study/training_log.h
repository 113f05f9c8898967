// SPDX-License-Identifier: MIT
// The log of a training run (training.jsonl): a line for every step and every evaluation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "train/trainer.h"

namespace tepui {

inline constexpr const char* kTrainingLog = "training.jsonl";

struct TrainingLog {
  std::vector<StepReport> steps;
  std::vector<EvaluationReport> evaluations;
};

// An error names the first line that is not one of a log; a last line that was cut off is left out.
Result<TrainingLog> read_training_log(const std::filesystem::path& file);

}  // namespace tepui
