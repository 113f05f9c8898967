// SPDX-License-Identifier: MIT
// Folders of shards, or single stores, joined.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "tepui/result.h"

namespace tepui {

struct MergedStore {
  std::filesystem::path folder;
  int parts = 0;  // stores that it was joined from
  int finished = 0;
  int sequences = 0;
};

// All folders hold stores, which become one in `out`; or all are those of sweeps of one study,
// whose jobs come into `out` as in the folder of a single sweep. Anything else is an error.
Result<std::vector<MergedStore>> merge_folders(std::span<const std::filesystem::path> folders,
                                               const std::filesystem::path& out);

}  // namespace tepui
