// SPDX-License-Identifier: MIT
// How attention, its gradient and what is read from it run on the device.
#pragma once

#include "backend/vulkan/step_plan.h"

namespace tepui::vulkan {

std::optional<StepPlan> plan_attention(const Step& step, const Program& program,
                                       const DeviceTraits& traits);
// What its tiles of queries read of keys and values, all of them together, beyond once; sequences
// are taken to be of equal length, since lengths are data.
struct KeyReads {
  double again_bytes = 0;
  double span_bytes = 0;  // of what the tile that reads most reads, for all heads
};
KeyReads attention_reads(const Step& step, const DeviceTraits& traits);
// Bytes that workgroups write for another pass, which reads them; 0 of one pass.
double attention_left(const Step& step, const DeviceTraits& traits);
StepPlan plan_attention_map(const Step& step, const Program& program);
StepPlan plan_attention_stats(const Step& step, const Program& program);
StepPlan plan_attention_grad(const Step& step, const Program& program);

}  // namespace tepui::vulkan
