// SPDX-License-Identifier: MIT
// The tiers of `linear` and what they pack. f32 tiles run on any device; on matrix units (see
// matrix_split.h for what they compute) x is split into halves first, by a pass of its own. Which
// tier it is follows from the device alone, never from the sizes of a step: a row has the same bits
// in a prompt and in generation. expert_linear has the f32 tier alone.
#pragma once

#include "backend/vulkan/step_plan.h"

namespace tepui::vulkan {

StepPlan plan_pack(const PackParams& p, std::string shader, const DeviceTraits& traits);
StepPlan plan_linear(const LinearParams& p, const DeviceTraits& traits);
StepPlan plan_expert_linear(const ExpertParams& p, const DeviceTraits& traits);

}  // namespace tepui::vulkan
