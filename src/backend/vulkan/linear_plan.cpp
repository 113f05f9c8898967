// SPDX-License-Identifier: MIT
#include "backend/vulkan/linear_plan.h"

namespace tepui::vulkan {
namespace {

// As shaders/lib/weights.glsl counts them.
std::uint32_t stored_as(DType packed) {
  switch (const DType dtype = unpacked_dtype(packed); dtype) {
    case DType::f32: return 0;
    case DType::f16: return 1;
    case DType::bf16: return 2;
    default: return 3 + static_cast<std::uint32_t>(dtype) - static_cast<std::uint32_t>(DType::q8_0);
  }
}
constexpr std::uint32_t kHalves = 1;
constexpr std::uint32_t kFirstQuantised = 3;
// Of a workgroup of shaders/linear_few.comp, with quantised weights and else.
constexpr std::uint32_t kFewNarrowColumns = 32;
constexpr std::uint32_t kFewColumns = 16;

std::uint32_t stored_as(const Program& program, Value packed) {
  return stored_as(program.type_of(packed).dtype);
}

constexpr LinearTile kLarge{256, 64, 128, true, 16};
constexpr LinearTile kSmall{64, 32, 64, true, 16};
constexpr LinearTile kPlain{64, 32, 64, true, 8};

// For so many rows, of which so many have one matrix.
LinearTile many_rows_tile(std::uint64_t rows, std::uint64_t of_matrix, std::uint64_t n,
                          const DeviceTraits& traits) {
  constexpr std::uint64_t kFew = 400;  // large tiles, below which small ones are faster
  if (traits.small_tiles) return kPlain;
  const std::uint64_t large = divide_up(rows, kLarge.rows) * divide_up(n, kLarge.columns);
  return large < kFew || of_matrix < kLarge.rows ? kSmall : kLarge;
}

LinearTile few_rows_tile(std::uint32_t rows, const DeviceTraits& traits) {
  if (traits.small_tiles || !traits.roomy) return {kLanes, rows, 4 * kLanes};
  return {128, rows, kFewColumns, false, 0, true};
}

// The pass over tiles of which so many lie above each other.
StepPlan on_tiles(std::string shader, LinearTile tile, std::uint32_t stored, std::uint64_t down,
                  std::uint64_t n) {
  if (tile.few && stored >= kFirstQuantised) tile.columns = kFewNarrowColumns;
  StepPlan plan = one_pass(std::move(shader), down * divide_up(n, tile.columns));
  Constants& constants = plan.passes.front().constants;
  if (tile.shared)
    constants = {tile.lanes, 0, 0, tile.columns / 8, tile.depth};
  else
    constants = {tile.lanes, 0, 0, tile.rows};
  return plan;
}

// shaders/linear.comp or linear_few.comp for few rows, linear_tiles.comp for more.
StepPlan plan_tiles(const LinearParams& p, std::uint32_t stored, const DeviceTraits& traits) {
  const LinearTile tile = linear_tile(p, traits);
  return on_tiles(tile.shared ? "linear_tiles"
                  : tile.few  ? "linear_few"
                              : "linear",
                  tile, stored, divide_up(p.rows, tile.rows), p.n);
}

// As shaders/lib/split.glsl has it.
std::uint64_t split_depth(std::uint64_t k) { return divide_up(k, 32) * 32; }
// What shaders/split_rows.comp writes.
std::uint64_t split_bytes(std::uint64_t rows, std::uint64_t k) {
  return 4 * (divide_up(rows, 4) * 4 + rows * split_depth(k));
}
// Of a workgroup, which splits a row: many where few rows would leave a GPU waiting, or a row is
// long.
std::uint32_t split_lanes(std::uint64_t rows, std::uint64_t k) {
  return rows < 256 || k >= 2048 ? 256 : kLanes;
}
constexpr std::uint64_t kMostPlanes = std::uint64_t{1} << 30;  // bytes that are worth their memory
// Whether panels have whole lines of eight columns.
bool of_eights(std::uint64_t n) { return divide_up(n, 4) % 2 == 0; }

// For so many rows, of which so many have one matrix: a variant of
// shaders/matrix/linear_matrix.comp and expert_matrix.comp.
MatrixTile tile_of_rows(std::uint64_t rows, std::uint64_t of_matrix, std::uint64_t n,
                        const DeviceTraits& traits) {
  const MatrixShape& shape = *traits.matrix;
  const MatrixTile few{".few", shape.m, 2 * shape.n, 256};
  const MatrixTile small{".small", 4 * shape.m, 4 * shape.n, 4 * traits.subgroup};
  const MatrixTile large{".large", 8 * shape.m, 8 * shape.n, 8 * traits.subgroup};
  constexpr std::uint64_t kEnough = 64;  // workgroups of a large tile, from which on it is faster
  if (of_matrix <= 2 * shape.m) return few;
  const std::uint64_t groups = divide_up(rows, large.rows) * divide_up(n, large.columns);
  const bool wide = traits.large_matrices && groups >= kEnough && of_matrix > small.rows;
  return wide ? large : small;
}

// Where a kernel finds weights, of which there are no planes.
std::uint32_t read_from(std::uint64_t n, DType packed) {
  if (!of_eights(n)) return kAsStored;
  return packed == DType::packed_f16 ? kHalvesStored
         : packed == DType::packed   ? kSplitStored
                                     : kAsStored;
}

Pass on_units(std::string shader, const DeviceTraits& traits, std::uint32_t lanes,
              std::uint32_t from, std::uint64_t groups) {
  const MatrixShape& shape = *traits.matrix;
  return {std::move(shader), {lanes, shape.m, shape.n, shape.k, from}, groups, {}, {}};
}

// shaders/split_rows.comp, split_weights.comp where many rows make it worth it, then
// shaders/matrix/linear_matrix.comp.
StepPlan plan_matrices(const LinearParams& p, DType packed, const DeviceTraits& traits) {
  const MatrixTile tile = matrix_tile(p, traits);
  const std::uint32_t from = weights_from(p, packed, traits);
  StepPlan plan = one_pass(kSplitShader, p.rows);
  plan.passes[0].constants[0] = split_lanes(p.rows, p.k);
  plan.passes[0].constants[kSplitCopiesConstant] = 1;
  plan.scratch_bytes = split_bytes(p.rows, p.k);
  if (from == kPlanes) {
    const std::uint64_t planes = plane_bytes(p.n, p.k);  // a lane 32 bytes of them
    plan.passes.push_back({"split_weights", {kLanes}, divide_up(planes / 32, kLanes), {}, {}});
    plan.passes.back().constants[kStoredConstant] = stored_as(packed);
    plan.scratch_bytes += planes;
  }
  const std::uint64_t groups = divide_up(p.rows, tile.rows) * divide_up(p.n, tile.columns);
  plan.passes.push_back(
      on_units(std::string(kMatrixShader) + tile.variant, traits, tile.lanes, from, groups));
  plan.passes.back().reads_scratch = true;
  return plan;
}

// Rows, each as often as it has experts.
std::uint64_t pairs_of(const ExpertParams& p) { return std::uint64_t{p.rows} * p.chosen; }

// shaders/expert_lists.comp.
Pass expert_lists(const ExpertParams& p, std::uint32_t behind_terms) {
  return {kListsShader, {kLanes, behind_terms}, pairs_of(p) == 0 ? 0U : p.experts, {}, {}};
}
std::uint64_t list_bytes(const ExpertParams& p) {
  return 4 * (std::uint64_t{p.experts} + 1 + pairs_of(p));
}
// Tiles of so many rows. How many the lists make is data: at most as many as full ones of all, and
// one more for each expert (shaders/lib/expert_rows.glsl).
std::uint64_t expert_tiles(const ExpertParams& p, std::uint64_t rows) {
  return pairs_of(p) == 0 ? 0 : pairs_of(p) / rows + p.experts;
}

// Likewise, with the lists between them.
StepPlan plan_expert_matrices(const ExpertParams& p, DType packed, const DeviceTraits& traits) {
  const std::uint32_t copies = p.own != 0 ? p.chosen : 1;
  const std::uint64_t of_expert = pairs_of(p) / p.experts;  // if they are chosen alike
  const MatrixTile tile = tile_of_rows(pairs_of(p), of_expert, p.n, traits);
  const std::uint64_t groups = expert_tiles(p, tile.rows) * divide_up(p.n, tile.columns);
  const std::uint64_t rows = std::uint64_t{p.rows} * copies;
  StepPlan plan = one_pass(kSplitShader, rows);
  plan.passes[0].constants[0] = split_lanes(rows, p.k);
  plan.passes[0].constants[kSplitCopiesConstant] = copies;
  plan.passes.push_back(expert_lists(p, 1));
  plan.passes.push_back(on_units(std::string(kExpertMatrixShader) + tile.variant, traits,
                                 tile.lanes, read_from(p.n, packed), groups));
  plan.passes.back().reads_scratch = true;
  plan.scratch_bytes = split_bytes(rows, p.k) + list_bytes(p);
  return plan;
}

// Of the f32 tier: where an expert has many rows the lists, then shaders/expert_tiles.comp, which
// reads its weights once for each tile of them; else expert_few.comp or, on a software device,
// expert_linear.comp, which read them for each row.
StepPlan plan_expert_tiles(const ExpertParams& p, std::uint32_t stored,
                           const DeviceTraits& traits) {
  constexpr std::uint64_t kMany = 8;
  const std::uint64_t of_expert = pairs_of(p) / p.experts;  // if they are chosen alike
  if (of_expert < kMany) {
    const LinearTile tile = few_rows_tile(1, traits);
    return on_tiles(tile.few ? "expert_few" : "expert_linear", tile, stored, pairs_of(p), p.n);
  }
  const LinearTile tile = many_rows_tile(pairs_of(p), of_expert, p.n, traits);
  StepPlan plan = on_tiles("expert_tiles", tile, stored, expert_tiles(p, tile.rows), p.n);
  plan.passes.back().reads_scratch = true;
  plan.passes.insert(plan.passes.begin(), expert_lists(p, 0));
  plan.scratch_bytes = list_bytes(p);
  return plan;
}

// In place of the second pass: shaders/workgroup/linear_workgroup.comp.
Pass of_workgroups(const LinearParams& p, const WorkgroupTile& tile) {
  const std::uint64_t groups = divide_up(p.rows, tile.m) * divide_up(p.n, tile.n);
  return {kWorkgroupShader, {tile.lanes, tile.m, tile.n, tile.k}, groups, {}, {}, true};
}

}  // namespace

std::size_t packed_bytes(const TensorType& type, const DeviceTraits& traits) {
  const Shape& shape = type.shape;
  const int last = shape.rank() - 1;
  const auto n = static_cast<std::size_t>(shape[last - 1]);
  const auto experts = static_cast<std::size_t>(last == 2 ? shape[0] : 1);
  const TensorType stored{unpacked_dtype(type.dtype), Shape{shape[last]}};
  const bool factors = traits.matrix && stored.dtype != DType::f16;
  const std::size_t column = stored.bytes() + (factors ? sizeof(float) : 0);
  return experts * ((n + 3) / 4 * 4) * column;
}

MatrixTile matrix_tile(const LinearParams& p, const DeviceTraits& traits) {
  return tile_of_rows(p.rows, p.rows, p.n, traits);
}

std::uint64_t plane_bytes(std::uint64_t n, std::uint64_t k) {
  return 2 * 2 * divide_up(n, kPanelColumns) * kPanelColumns * split_depth(k);
}

std::uint32_t weights_from(const LinearParams& p, DType packed, const DeviceTraits& traits) {
  const std::uint32_t from = read_from(p.n, packed);
  const bool as_halves = packed == DType::packed_f16;  // nothing to split
  const bool planes = p.rows > 4 * traits.matrix->m && plane_bytes(p.n, p.k) <= kMostPlanes;
  return from == kAsStored && !as_halves && planes ? kPlanes : from;
}

LinearTile linear_tile(const LinearParams& p, const DeviceTraits& traits) {
  return p.rows < kTileRows ? few_rows_tile(p.rows < 4 ? 1 : 4, traits)
                            : many_rows_tile(p.rows, p.rows, p.n, traits);
}

StepPlan plan_pack(const Step& step, std::string shader, const Program& program,
                   const DeviceTraits& traits) {
  const auto p = step.params.as<PackParams>();
  const std::uint32_t stored = stored_as(program, step.out[0]);
  const std::uint64_t width = divide_up(p.n, 4) * 4;
  const bool quantised = stored >= kFirstQuantised;
  const bool factors = traits.matrix && stored != kHalves;
  const std::uint32_t factor_lines = !factors ? 0 : stored == 0 ? 1 : quantised ? 4 : 2;
  const DTypeBlock block = dtype_block(program.type_of(step.in[0]).dtype);
  const auto rows = static_cast<std::uint32_t>(block.elements);
  const std::uint64_t lanes = quantised ? width / 4 * (p.k / rows) : width * p.k;
  StepPlan plan = one_pass(std::move(shader), divide_up(lanes, kLanes), factor_lines);
  if (quantised) {
    plan.passes[0].constants[kPackBlockConstant] = rows;
    plan.passes[0].constants[kPackBlockConstant + 1] = static_cast<std::uint32_t>(block.bytes);
  }
  if (factors) {
    plan.passes.push_back({"pack_scale", {kLanes}, divide_up(width, kLanes), {}, {}});
    plan.passes.back().constants[kStoredConstant] = stored;
    if (stored == 0 && of_eights(p.n))
      plan.passes.push_back({"pack_split", {kLanes}, divide_up(width / 8 * p.k, kLanes), {}, {}});
  }
  return plan;
}

StepPlan plan_linear(const Step& step, const Program& program, const DeviceTraits& traits) {
  const auto p = step.params.as<LinearParams>();
  const DType packed = program.type_of(step.in[1]).dtype;
  const std::uint32_t stored = stored_as(packed);
  StepPlan plan = traits.matrix ? plan_matrices(p, packed, traits) : plan_tiles(p, stored, traits);
  plan.passes.back().constants[kStoredConstant] = stored;
  if (traits.workgroup && packed == DType::packed_f16)
    plan.passes.back() = of_workgroups(p, *traits.workgroup);
  return plan;
}

StepPlan plan_expert_linear(const Step& step, const Program& program, const DeviceTraits& traits) {
  const auto p = step.params.as<ExpertParams>();
  const DType packed = program.type_of(step.in[1]).dtype;
  const std::uint32_t stored = stored_as(packed);
  StepPlan plan = traits.matrix ? plan_expert_matrices(p, packed, traits)
                                : plan_expert_tiles(p, stored, traits);
  plan.passes.back().constants[kStoredConstant] = stored;
  return plan;
}

DeviceTraits traits_of(const PhysicalDevice& device, MatrixUse use) {
  DeviceTraits traits;
  traits.small_tiles = device.software();
  traits.roomy = device.limits.maxComputeSharedMemorySize >= 32768;
  if (use != MatrixUse::none) traits.matrix = device.matrices.shape;
  traits.large_matrices =
      traits.matrix && !traits.small_tiles &&
      device.limits.maxComputeSharedMemorySize >= large_tile_shared(*traits.matrix) &&
      device.limits.maxComputeWorkGroupInvocations >= 8 * device.subgroup;
  if (use == MatrixUse::workgroups) traits.workgroup = device.matrices.workgroup;
  traits.subgroup = device.subgroup;
  return traits;
}

}  // namespace tepui::vulkan
