// SPDX-License-Identifier: MIT
// `tepui train`: a recipe's run in its folder, with a log of every step and evaluation
// (training.jsonl), which a run that goes on continues.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "study/recipe_file.h"
#include "tepui/result.h"
#include "train/trainer.h"

namespace tepui {

struct TrainCommand {
  std::filesystem::path recipe;
  std::optional<std::filesystem::path> out;
  std::string backend = "auto";
  int threads = 0;
  std::optional<std::int64_t> until;
  std::string typed;  // the command line, for the record
};

struct TrainView {
  std::function<void(std::int64_t first, std::int64_t steps)> begin;
  std::function<void(const StepReport&, std::int64_t tokens)> step;
  std::function<void(const EvaluationReport&)> evaluation;
  std::function<bool()> stop;
};

struct TrainResult {
  std::filesystem::path folder;
  TrainOutcome outcome;
  std::string device;
};

// What a recipe asks for, in the command's folder or its own.
Result<TrainRequest> request_of(const TrainCommand& command, RecipeFile file);
Result<TrainResult> run_request(const TrainRequest& request, const TrainCommand& command,
                                const TrainView& view);
Result<TrainResult> run_train(const TrainCommand& command, const TrainView& view);

// What it would do, in lines.
Result<std::string> train_plan_text(const TrainCommand& command);

std::string train_json(const TrainResult& result);

}  // namespace tepui
