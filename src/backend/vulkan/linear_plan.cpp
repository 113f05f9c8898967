// SPDX-License-Identifier: MIT
#include "backend/vulkan/linear_plan.h"

namespace tepui::vulkan {
namespace {

std::uint32_t factor_rows(const DeviceTraits& traits) { return traits.matrix ? 1 : 0; }

// shaders/linear.comp. How many rows a lane takes does not change the order of any sum.
StepPlan plan_tiles(const LinearParams& p) {
  const std::uint32_t rows = p.rows < 4 ? 1 : 4;
  const std::uint64_t across = divide_up(divide_up(p.n, 4), kLanes);
  StepPlan plan = one_pass("linear", divide_up(p.rows, rows) * across);
  plan.passes.front().constants[3] = rows;
  return plan;
}

// shaders/split_rows.comp, then shaders/matrix/linear_matrix.comp: 2 x 2 blocks, a subgroup each.
StepPlan plan_matrices(const LinearParams& p, const DeviceTraits& traits) {
  const MatrixShape& shape = *traits.matrix;
  const std::uint32_t wide = traits.small_tiles || p.rows <= 2 * shape.m ? 1 : 2;
  const std::uint64_t down = divide_up(p.rows, 2 * wide * shape.m);
  const std::uint64_t across = divide_up(p.n, 2 * wide * shape.n);
  StepPlan plan = one_pass("split_rows", p.rows);
  plan.passes.push_back({kMatrixShader,
                         {4 * traits.subgroup, shape.m, shape.n, shape.k, wide},
                         down * across,
                         {},
                         {}});
  const std::uint64_t factors = divide_up(p.rows, 4) * 4;
  plan.scratch_bytes = 4 * factors + 3 * 2 * std::uint64_t{p.rows} * divide_up(p.k, 16) * 16;
  return plan;
}

}  // namespace

std::size_t packed_bytes(const Shape& shape, const DeviceTraits& traits) {
  const int last = shape.rank() - 1;
  const auto n = static_cast<std::size_t>(shape[last - 1]);
  const auto experts = static_cast<std::size_t>(last == 2 ? shape[0] : 1);
  const std::size_t rows = static_cast<std::size_t>(shape[last]) + factor_rows(traits);
  return experts * ((n + 3) / 4 * 4) * rows * sizeof(float);
}

StepPlan plan_pack(const PackParams& p, std::string shader, const DeviceTraits& traits) {
  const std::uint64_t width = divide_up(p.n, 4) * 4;
  StepPlan plan = one_pass(std::move(shader), divide_up(width * p.k, kLanes), factor_rows(traits));
  if (traits.matrix)
    plan.passes.push_back({"pack_scale", {kLanes}, divide_up(width, kLanes), {}, {}});
  return plan;
}

StepPlan plan_linear(const LinearParams& p, const DeviceTraits& traits) {
  return traits.matrix ? plan_matrices(p, traits) : plan_tiles(p);
}

StepPlan plan_expert_linear(const ExpertParams& p, const DeviceTraits& traits) {
  const std::uint64_t across = divide_up(divide_up(p.n, 4), kLanes);
  return one_pass("expert_linear", std::uint64_t{p.rows} * p.chosen * across, factor_rows(traits));
}

DeviceTraits traits_of(const PhysicalDevice& device, bool matrices) {
  DeviceTraits traits;
  traits.small_tiles = device.software();
  if (matrices) traits.matrix = device.matrices.shape;
  traits.subgroup = device.subgroup;
  return traits;
}

}  // namespace tepui::vulkan
