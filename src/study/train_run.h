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

// What becomes of a trained model's perplexity without the massive activations that its last
// watched step shows: of the first validation sequences, from a store of `tepui intervene` in the
// run's folder (RUN/zeroed).
struct Zeroing {
  double perplexity = 0;  // unedited
  double first = 0;       // with the large channels of the first massive layer zero at the token of
                          // each sequence's largest |x|
  double everywhere = 0;  // likewise in every massive layer
  std::string first_edit;  // as `tepui intervene` has them
  std::string every_edit;
  bool massive = true;  // else no layer is, and that of the largest ratio stands for the first
};

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
  std::optional<Zeroing> zeroing;  // of a finished run whose recipe asks for it
  std::string device;
};

// What a recipe asks for, in the command's folder or its own.
Result<TrainRequest> request_of(const TrainCommand& command, RecipeFile file);
Result<TrainResult> run_request(const TrainRequest& request, const TrainCommand& command,
                                const TrainView& view);
Result<TrainResult> run_train(const TrainCommand& command, const TrainView& view);

// What it would do, in lines or as JSON.
Result<std::string> train_plan_text(const TrainCommand& command, bool json);

std::string train_json(const TrainResult& result);

}  // namespace tepui
