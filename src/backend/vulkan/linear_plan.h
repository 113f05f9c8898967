// SPDX-License-Identifier: MIT
// The tiers of `linear` and what they pack. f32 tiles run on any device, through shared memory
// where there are rows enough, which changes no bit; on matrix units (see matrix_split.h for what
// they compute) x is split into halves first, by a pass of its own, and so are the weights where
// there are many rows and they are not halves already. Which tier it is follows from the device
// alone, never from the sizes of a step: a row has the same bits in a prompt and in generation.
// expert_linear has both tiers too, and gives the bits of linear. Matrices of workgroups
// (workgroup_matrices.h) take the place of the second pass of a linear layer with f16 weights
// alone.
#pragma once

#include "backend/vulkan/step_plan.h"

namespace tepui::vulkan {

// What a workgroup of the f32 tier computes.
struct LinearTile {
  std::uint32_t lanes = 0;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  bool shared = false;      // shaders/linear_tiles.comp
  std::uint32_t depth = 0;  // of k that shared memory holds there
  bool few = false;         // shaders/linear_few.comp; else linear.comp
};
constexpr std::uint32_t kTileRows = 16;  // from which on it is
LinearTile linear_tile(const LinearParams& p, const DeviceTraits& traits);

// Of the tier on matrix units: a variant of shaders/matrix/linear_matrix.comp and
// expert_matrix.comp.
struct MatrixTile {
  const char* variant = "";
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::uint32_t lanes = 0;
};
MatrixTile matrix_tile(const LinearParams& p, const DeviceTraits& traits);
// Where it finds the weights.
constexpr std::uint32_t kAsStored = 0;      // it splits them
constexpr std::uint32_t kHalvesStored = 1;  // f16
constexpr std::uint32_t kPlanes = 2;  // shaders/split_weights.comp puts them into scratch memory
constexpr std::uint32_t kSplitStored = 3;  // f32: shaders/pack_split.comp did
std::uint32_t weights_from(const LinearParams& p, DType packed, const DeviceTraits& traits);
// What the planes take.
std::uint64_t plane_bytes(std::uint64_t n, std::uint64_t k);

// Constants of shaders/linear_tiles.comp and split_rows.comp.
constexpr std::size_t kDepthConstant = 4;
constexpr std::uint32_t kTappedDepth = 8;  // leaves shared memory for a histogram
constexpr std::size_t kTileNormedConstant = 5;
constexpr const char* kSplitShader = "split_rows";
constexpr const char* kListsShader = "expert_lists";
constexpr std::size_t kSplitNormedConstant = 1;
constexpr std::size_t kSplitCopiesConstant = 2;
constexpr std::size_t kPackBlockConstant = 2;  // of pack.comp: a block's rows, then its bytes
constexpr std::size_t kStoredConstant = 6;     // of shaders/lib/weights.glsl

StepPlan plan_pack(const Step& step, std::string shader, const Program& program,
                   const DeviceTraits& traits);
StepPlan plan_linear(const Step& step, const Program& program, const DeviceTraits& traits);
StepPlan plan_expert_linear(const Step& step, const Program& program, const DeviceTraits& traits);

}  // namespace tepui::vulkan
