// SPDX-License-Identifier: MIT
// What a run of a Program takes on a Vulkan device, told without one: its plan follows from types
// and parameters alone.
#pragma once

#include <optional>
#include <vector>

#include "backend/registry.h"

namespace tepui {

// By step of the Program; nothing where a step cannot be run. Values that the caller binds are
// taken to lie apart.
std::optional<std::vector<StepCounts>> count_vulkan(const Program& program, bool matrices);

}  // namespace tepui
