// SPDX-License-Identifier: MIT
// Stores that hold parts of one result, joined into one: the same as if one run had made it.
#pragma once

#include <filesystem>
#include <span>

#include "tepui/result.h"

namespace tepui {

// `stores` are folders; the one in `out` is made, or goes on. All must have the same identity,
// input, branches and calibration, and where two hold the same sequences their rows must be equal:
// else an error that says what differs. The stores that are read stay as they are. Each is taken
// over as a whole or not at all.
Status merge_stores(std::span<const std::filesystem::path> stores,
                    const std::filesystem::path& out);

}  // namespace tepui
