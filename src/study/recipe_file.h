// SPDX-License-Identifier: MIT
// A training recipe as a TOML file: [model], [data] and [train]. Paths are relative to the file;
// what is wrong is an error that names its line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "tepui/result.h"
#include "train/recipe.h"

namespace tepui {

struct RecipeFile {
  TrainRecipe recipe;
  std::string hash;                          // of the recipe, not of comments or order
  std::optional<std::filesystem::path> out;  // where the run belongs
};

Result<RecipeFile> read_recipe(const std::filesystem::path& file);

}  // namespace tepui
