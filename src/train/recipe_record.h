// SPDX-License-Identifier: MIT
// What a run's checkpoints keep of its recipe: whether another recipe is the same one, and in what
// it differs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tepui {

struct RecipeRecord {
  std::string hash;         // of the recipe as it is written, comments and order aside
  nlohmann::json settings;  // its tables; null: not known
  std::string data = {};    // data_hash (token_data.h); empty: not known
};

}  // namespace tepui
