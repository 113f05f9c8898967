// SPDX-License-Identifier: MIT
// How a step runs on the device: its shader, the passes with their grids and constants, and the
// scratch memory they share. All of it follows from the step's parameters and types, never from
// data, and nothing that orders a sum follows from the number of rows (law 2).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backend/vulkan/context.h"
#include "backend/vulkan/shader_library.h"
#include "tepui/op.h"

namespace tepui::vulkan {

constexpr std::uint32_t kLanes = 64;  // of a workgroup

// One dispatch.
struct Pass {
  std::string shader;
  Constants constants{};
  std::uint64_t groups = 0;           // workgroups; 0: nothing to do
  std::array<Value, kSlots> slots{};  // whose addresses the shader gets
  ParamBytes params;
  bool reads_scratch = false;  // and writes none: it need not wait for others that do so
};

// One step, or several that run together.
struct StepPlan {
  std::vector<std::size_t> steps;  // of the Program
  std::vector<Pass> passes;
  std::vector<Value> reads;
  std::vector<Value> writes;
  std::size_t scratch_bytes = 0;
  std::size_t cleared_bytes = 0;  // of them, set to zero before the first pass
  bool split_before = false;      // an earlier plan left the terms of x in scratch (pass_sharing.h)
  struct Copied {
    Value value;
    std::size_t to = 0;
  };
  std::vector<Copied> copied;  // whose bytes are put into scratch before the first pass
};

// What plans depend on beside the step.
struct DeviceTraits {
  bool small_tiles =
      false;           // a software device, which is slow to compile large kernels, for nothing
  bool roomy = false;  // 32 KiB or more of shared memory, else 16
  std::optional<MatrixShape> matrix;       // that `linear` takes; none: the f32 tier
  bool large_matrices = false;             // shared memory and lanes for its largest tile
  std::optional<WorkgroupTile> workgroup;  // that it takes for f16 weights, if any
  std::uint32_t subgroup = 0;
};
DeviceTraits traits_of(const PhysicalDevice& device, MatrixUse use);

// Nothing where this backend has no kernel for the step: an unknown dtype, or sizes beyond what 31
// bits index.
std::optional<StepPlan> plan_step(const Step& step, const Program& program,
                                  const DeviceTraits& traits);

inline std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }
inline StepPlan one_pass(std::string shader, std::uint64_t groups, std::uint32_t constant = 0) {
  StepPlan plan;
  plan.passes.push_back({std::move(shader), {kLanes, constant}, groups, {}, {}});
  return plan;
}
inline StepPlan per_element(std::string shader, std::uint64_t elements) {
  return one_pass(std::move(shader), divide_up(elements, kLanes));
}

// A packed matrix: in panels of kPanelColumns columns, see shaders/lib/panels.glsl, as narrow as it
// is stored, for matrix units each with a row of factors where it is not f16; several stand behind
// another.
constexpr std::int64_t kPanelColumns = 256;
std::size_t packed_bytes(const TensorType& type, const DeviceTraits& traits);

// A selection's blocks (shaders/lib/blocks.glsl): how many rows one has, and how many there are.
std::uint32_t block_rows(std::uint32_t dim);
std::uint64_t block_slots(std::uint32_t rows, std::uint32_t dim, std::uint32_t sequences);

// What lib/radix.glsl keeps in scratch for so many ranks of each sequence.
std::uint64_t radix_words(std::uint64_t sequences, std::uint64_t ranks);
constexpr std::uint64_t kScratchLimit = std::uint64_t{1} << 31;  // bytes, exclusive

}  // namespace tepui::vulkan
