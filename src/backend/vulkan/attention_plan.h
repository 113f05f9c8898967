// SPDX-License-Identifier: MIT
// How attention, its gradient and what is read from it run on the device.
#pragma once

#include "backend/vulkan/step_plan.h"

namespace tepui::vulkan {

std::optional<StepPlan> plan_attention(const Step& step, const Program& program,
                                       const DeviceTraits& traits);
StepPlan plan_attention_map(const Step& step, const Program& program);
StepPlan plan_attention_stats(const Step& step, const Program& program);
std::optional<StepPlan> plan_attention_grad(const Step& step, const Program& program);

}  // namespace tepui::vulkan
