// SPDX-License-Identifier: MIT
// How a step runs on the device: its shader, the passes with their grids and constants, and the
// scratch memory they share. All of it follows from the step's parameters and types, never from
// data, and nothing that orders a sum follows from the number of rows (law 2).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backend/vulkan/shader_library.h"
#include "tepui/op.h"

namespace tepui::vulkan {

struct Pass {
  Constants constants{};
  std::uint64_t groups = 0;  // workgroups; 0: nothing to do
};

struct StepPlan {
  std::string shader;
  std::vector<Pass> passes;
  std::size_t scratch_bytes = 0;
  std::size_t cleared_bytes = 0;  // of them, set to zero before the first pass
};

// Nothing where this backend has no kernel for the step: an unknown dtype, or sizes beyond what 31
// bits index.
std::optional<StepPlan> plan_step(const Step& step, const Program& program);

// A packed matrix: f32 [K, N rounded up to 4], see shaders/pack.comp.
std::size_t packed_bytes(const Shape& shape);

}  // namespace tepui::vulkan
