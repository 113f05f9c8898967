// SPDX-License-Identifier: MIT
// Linear layers that follow each other and read the same rows, as those of queries, keys and values
// or of a mixture's gate and up do, share what is made of these rows: on matrix units their terms
// (shaders/split_rows.comp), and with experts the lists of who chose whom
// (shaders/expert_lists.comp). It lies where the first of them left it in scratch memory.
#pragma once

#include <vector>

#include "backend/vulkan/step_plan.h"

namespace tepui::vulkan {

// The plans of a Program in order.
void share_passes(std::vector<StepPlan>& plans);

}  // namespace tepui::vulkan
