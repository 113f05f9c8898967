// SPDX-License-Identifier: MIT
// A training run from its recipe to its last checkpoint: goes on where the folder's last checkpoint
// stands, evaluates as nanoGPT does, and stops at a loss or a gradient that is no number.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>

#include "tepui/backend.h"
#include "tepui/result.h"
#include "train/recipe.h"
#include "train/recipe_record.h"
#include "train/watch.h"

namespace tepui {

struct StepReport {
  std::int64_t step = 0;
  double loss = 0;  // of the step's batches, nats per token
  double rate = 0;
  double norm = 0;       // of the gradients before they were clipped
  double seconds = 0;    // of the step
  double auxiliary = 0;  // of the auxiliary terms
  int rescaled = 0;      // matrices, by targeted variance rescaling
};

struct EvaluationReport {
  std::int64_t step = 0;
  double training = 0;  // the mean loss of random batches, nats per token
  double validation = 0;
};

struct TrainObserver {
  std::function<Status(std::int64_t first, std::int64_t steps)> begin;
  std::function<Status(const StepReport&)> step;
  std::function<Status(const EvaluationReport&)> evaluation;
  std::function<Status(const WatchReport&)> watch;
  std::function<bool()> stop;  // asked after each step: whether to end with a checkpoint
};

struct TrainRequest {
  TrainRecipe recipe;
  RecipeRecord record;  // of the recipe as it is written
  std::filesystem::path out;
  std::int64_t until = std::numeric_limits<std::int64_t>::max();  // a step to stop before
};

struct TrainOutcome {
  std::filesystem::path checkpoint;
  std::int64_t first = 0;  // the step that this run began with
  std::int64_t next = 0;   // the one that would come next
  bool finished = false;
  double whole_validation = 0;  // the loss over all validation tokens; of a finished run
  std::int64_t tokens = 0;      // that this run learned from
  double seconds = 0;           // of its steps
};

Result<TrainOutcome> train(Backend& backend, const TrainRequest& request,
                           const TrainObserver& observer);

// What a run would do; computes nothing and writes nothing.
struct TrainPlan {
  std::int64_t parameters = 0;
  int vocabulary = 0;
  std::int64_t training_tokens = 0;
  std::int64_t validation_tokens = 0;
  std::int64_t tokens_per_step = 0;
  std::int64_t first = 0;  // where the run would go on
};
Result<TrainPlan> plan_training(const TrainRequest& request);
struct TokenData;
Result<TrainPlan> plan_training(const TrainRequest& request, const TokenData& data);

}  // namespace tepui
