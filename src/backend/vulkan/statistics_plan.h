// SPDX-License-Identifier: MIT
// The plan of a whole Program: its steps one by one, but the statistics of one value together with
// the step that produces it. Six passes then do what ten readings of the value did: a linear layer
// or a residual sum counts the first histogram and each row's maximum while its result is in
// registers (shaders/lib/statistics.glsl); the numbers are those of the single ops, bit for bit.
#pragma once

#include <span>
#include <vector>

#include "backend/vulkan/step_plan.h"

namespace tepui::vulkan {

// Every step must be one that plan_step plans.
std::vector<StepPlan> plan_program(const Program& program, const DeviceTraits& traits);

// Of the plan that takes most: they follow each other in one place.
std::size_t most_scratch(std::span<const StepPlan> plans);

}  // namespace tepui::vulkan
