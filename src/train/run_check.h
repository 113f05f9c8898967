// SPDX-License-Identifier: MIT
// What a recipe asks for beside what its model and its data have, before anything runs.
#pragma once

#include "train/recipe.h"
#include "train/token_data.h"

namespace tepui {

struct ModelSizes {
  int layers = 0;
  int width = 0;
};

// Errors name the recipe's key, or the data.
Status check_run(const TrainRecipe& recipe, const ModelSizes& model, const TokenData& data);

// Nothing where the data's ids mean what they mean to the model that the run goes on from, or where
// either has no tokenizer that could be asked.
Status check_same_tokens(const TrainRecipe& recipe, const TokenData& data);

}  // namespace tepui
