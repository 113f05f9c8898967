// SPDX-License-Identifier: MIT
// The models or stores of a series, by the step in their names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tepui/result.h"

namespace tepui {

struct Checkpoint {
  std::filesystem::path path;
  std::int64_t step = 0;
};

// The last number in a name (step-002000, step00250, ckpt_500.pt); `initial` is step 0.
std::optional<std::int64_t> step_of_name(const std::string& name);

// The models in a folder whose names hold a number, by that number. An error where there are none,
// or two of one step.
Result<std::vector<Checkpoint>> find_checkpoints(const std::filesystem::path& folder);
// Likewise the stores of what was watched; empty where there are none.
Result<std::vector<Checkpoint>> find_watched(const std::filesystem::path& folder);

}  // namespace tepui
