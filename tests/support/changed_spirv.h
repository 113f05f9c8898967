// SPDX-License-Identifier: MIT
// Shaders changed in their SPIR-V: into wrong ones that tests must find, and into right ones that
// only run in another order.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "backend/vulkan/spirv.h"

namespace tepui::test {

using Spirv = std::vector<std::uint32_t>;

// Makes every instruction of one kind one of another that takes the same operands; nothing where
// there is none.
std::optional<Spirv> exchange(std::span<const std::uint32_t> code, vulkan::spirv::Op from,
                              vulkan::spirv::Op to);

// Without its barriers.
Spirv without_barriers(std::span<const std::uint32_t> code);

// The lanes of a workgroup in another order: lane i of `lanes` does the work of lane
// -1 - 5 i modulo `lanes`. So what was one subgroup is spread over several, and the last lanes
// come first: a software device, which runs one subgroup up to its next barrier and then another,
// shows a barrier that is missing. Nothing where the shader's lanes have no number, or where it
// uses subgroups, whose lanes this would tear apart.
std::optional<Spirv> turn_lanes(std::span<const std::uint32_t> code);

}  // namespace tepui::test
