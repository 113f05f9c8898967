// SPDX-License-Identifier: MIT
// A run's folder: `initial`, and a folder for each checkpoint, all ordinary HF folders, beside
// whose weights stand the optimiser's state (optimizer.safetensors) and where the run was
// (trainer.json). A checkpoint is written elsewhere and moved to its name at once: what has the
// name is whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/model.h"
#include "tepui/result.h"
#include "train/parameters.h"
#include "train/recipe_record.h"
#include "train/train_engine.h"

namespace tepui {

struct CheckpointPlace {
  std::filesystem::path folder;
  std::int64_t step = 0;  // that comes next
};

std::filesystem::path checkpoint_name(std::int64_t step);  // "step-002000"

// The one with the most steps; nothing where there is none.
Result<std::optional<CheckpointPlace>> last_checkpoint(const std::filesystem::path& run);

// The configuration and the tokenizer are copied from `like`.
Status write_checkpoint(const std::filesystem::path& run, std::int64_t step,
                        const std::vector<Parameter>& parameters, const TrainState& state,
                        const std::filesystem::path& like, const RecipeRecord& recipe);

// An error where the checkpoint was made by another recipe: it names the settings that differ, with
// both values.
Status check_recipe(const CheckpointPlace& place, const RecipeRecord& recipe);

// What training goes on from.
Result<TrainState> read_checkpoint(const CheckpointPlace& place,
                                   const std::vector<Parameter>& parameters);

}  // namespace tepui
