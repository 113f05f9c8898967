// SPDX-License-Identifier: MIT
// A training recipe as a TOML file: [model], [data] and [train]. Paths are relative to the file;
// what is wrong is an error that names its line.
#pragma once

#include <toml++/toml.h>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tepui/result.h"
#include "train/recipe.h"
#include "train/recipe_record.h"

namespace tepui {

struct RecipeFile {
  TrainRecipe recipe;
  RecipeRecord record;                       // as it is written
  std::optional<std::filesystem::path> out;  // where the run belongs
  std::vector<std::string> notes;            // keys without effect; the runs of a grid have none
};

// A recipe with a [grid] is refused: it is many.
Result<RecipeFile> read_recipe(const std::filesystem::path& file);
// What stands in the file, or was made of it.
Result<RecipeFile> read_recipe_table(const std::filesystem::path& file, const toml::table& root);

// One of the product of a recipe's [grid].
struct GridRecipe {
  std::string name;  // "variant=dyt,learning_rate=0.001"
  RecipeFile file;
};
// In the order of the keys of [grid.data], [grid.model] and [grid.train], the last one fastest
// (recipe_grid.cpp).
Result<std::vector<GridRecipe>> read_recipe_grid(const std::filesystem::path& file);

}  // namespace tepui
