// SPDX-License-Identifier: MIT
// What a recipe says and nothing asks for.
#pragma once

#include <toml++/toml.h>
#include <string>
#include <vector>

#include "train/recipe.h"

namespace tepui {

// Keys that change nothing as the other keys stand, one line each: "file.toml:9: clip_alpha has no
// effect without variant = \"clipped\"". `recipe` is what was read from `root`.
std::vector<std::string> idle_keys(const std::string& file, const toml::table& root,
                                   const TrainRecipe& recipe);

}  // namespace tepui
