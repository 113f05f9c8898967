// SPDX-License-Identifier: MIT
// Linear layers on matrix units that follow each other and read the same rows, as those of queries,
// keys and values do, split them once (shaders/split_rows.comp): the terms lie where the first of
// them left them in scratch memory.
#pragma once

#include <vector>

#include "backend/vulkan/step_plan.h"

namespace tepui::vulkan {

// The plans of a Program in order.
void share_splits(std::vector<StepPlan>& plans);

}  // namespace tepui::vulkan
