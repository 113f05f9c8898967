// SPDX-License-Identifier: MIT
// A model before its first step, as an HF folder: the configuration and the weights that a seed
// gives, as nanoGPT draws them (normal, the matrices that add to the residual stream narrower by
// sqrt(2 layers), norms 1, biases 0).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "models/spec.h"
#include "tepui/result.h"
#include "train/recipe.h"

namespace tepui {

// Writes config.json and model.safetensors into a folder that is there.
Status write_initial_model(const ModelRecipe& recipe, int vocabulary, std::uint64_t seed,
                           const std::filesystem::path& folder);

// What its configuration says, without writing it.
Result<ModelSpec> initial_spec(const ModelRecipe& recipe, int vocabulary);

bool has_variant(const ModelRecipe& recipe, std::string_view variant);

// How many weights it has, a tied head counted once, biases that are 0 for ever not at all.
std::int64_t initial_parameters(const ModelRecipe& recipe, int vocabulary);

}  // namespace tepui
