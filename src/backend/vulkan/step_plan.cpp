// SPDX-License-Identifier: MIT
#include "backend/vulkan/step_plan.h"

#include <algorithm>

#include "backend/vulkan/attention_plan.h"
#include "backend/vulkan/linear_plan.h"

namespace tepui::vulkan {
namespace {

constexpr std::uint32_t kBlock = 4096;        // elements of a selection's block, about
constexpr std::uint32_t kChannelsBeside = 8;  // of a workgroup of channel_max_abs
constexpr std::uint32_t kManyLanes = 256;     // likewise
constexpr std::uint64_t kLevels = 3;          // lib/radix.glsl
constexpr std::uint64_t kCoarse = 2048;
constexpr std::uint64_t kFine = 1024;
constexpr std::int64_t kElementLimit = std::int64_t{1} << 31;

// So many passes with a workgroup a block; `words` of scratch, of which the first are cleared.
StepPlan by_blocks(const char* shader, int passes, std::uint32_t dim, std::uint64_t slots,
                   std::uint64_t cleared_words, std::uint64_t words) {
  StepPlan plan;
  for (int i = 0; i < passes; ++i) {
    const Constants constants{kLanes, block_rows(dim), static_cast<std::uint32_t>(i)};
    plan.passes.push_back({shader, constants, slots, {}, {}});
  }
  plan.cleared_bytes = 4 * cleared_words;
  plan.scratch_bytes = 4 * words;
  return plan;
}

StepPlan plan_max_abs(const SelectParams& p) {
  const std::uint64_t slots = block_slots(p.rows, p.dim, p.sequences);
  return by_blocks("max_abs", 1, p.dim, slots, p.sequences, p.sequences + 2 * slots);
}

StepPlan plan_quantile(const QuantileParams& p) {
  const std::uint64_t words = radix_words(p.sequences, p.ranks);
  const std::uint64_t slots = block_slots(p.rows, p.dim, p.sequences);
  return by_blocks("quantile_abs", kLevels, p.dim, slots, words, words);
}

StepPlan plan_top_k(const SelectParams& p) {
  const std::uint64_t slots = block_slots(p.rows, p.dim, p.sequences);
  const std::uint64_t cleared = 2 * std::uint64_t{p.sequences} + radix_words(p.sequences, 1);
  const std::uint64_t candidates = p.sequences * (1 + 2 * std::uint64_t{p.k});
  return by_blocks("top_k_abs", kLevels + 2, p.dim, slots, cleared,
                   cleared + candidates + 6 * slots);
}

StepPlan plan_above(const AboveParams& p) {
  const std::uint64_t slots = block_slots(p.rows, p.dim, p.sequences);
  return by_blocks("above_abs", 2, p.dim, slots, p.sequences, p.sequences + 6 * slots);
}

StepPlan plan_constancy(const ConstancyParams& p) {
  const std::uint64_t columns = std::uint64_t{p.sequences} * p.groups * p.dim;
  StepPlan plan;
  plan.passes.push_back({"constancy", {kLanes, 0, 0}, divide_up(columns, kLanes), {}, {}});
  plan.passes.push_back(
      {"constancy", {kLanes, 0, 1}, std::uint64_t{p.sequences} * p.groups, {}, {}});
  plan.scratch_bytes = 4 * columns;
  return plan;
}

StepPlan plan_sum_squares(const SumSquaresParams& p) {
  const std::uint64_t parts = divide_up(p.count, 4096);
  StepPlan plan;
  plan.passes.push_back({"sum_squares", {kLanes, 0, 0}, parts, {}, {}});
  plan.passes.push_back({"sum_squares", {kLanes, 0, 1}, 1, {}, {}});
  plan.scratch_bytes = 4 * std::max<std::uint64_t>(parts, 1);
  return plan;
}

// A pass for each output.
StepPlan plan_dyt_grad(const Step& step) {
  const auto p = step.params.as<MatrixParams>();
  const std::uint64_t groups = divide_up(std::uint64_t{p.rows} * p.columns, kLanes);
  StepPlan plan;
  for (std::uint32_t pass = 0; pass < 3; ++pass) {
    plan.passes.push_back({"dyt_grad", {kLanes, 0, pass}, groups, {}, {}});
    std::ranges::copy(step.in, plan.passes.back().slots.begin());
    plan.passes.back().slots[4] = step.out[pass];
  }
  return plan;
}

// Likewise.
StepPlan plan_gate_grad(const Step& step) {
  const auto p = step.params.as<GateParams>();
  const std::uint64_t groups = divide_up(std::uint64_t{p.rows} * p.groups, kLanes);
  StepPlan plan;
  for (std::uint32_t pass = 0; pass < 4; ++pass) {
    plan.passes.push_back({"gate_grad", {kLanes, 0, pass}, groups, {}, {}});
    std::ranges::copy(step.in, plan.passes.back().slots.begin());
    plan.passes.back().slots[5] = step.out[pass];
  }
  return plan;
}

std::optional<StepPlan> plan_training(const Step& step, const Program& program) {
  const ParamBytes& bytes = step.params;
  const std::string name(op_of(step.op).name);
  switch (step.op) {
    case OpCode::transpose: {
      constexpr std::uint64_t kSide = 32;  // of a workgroup's square
      const auto p = bytes.as<MatrixParams>();
      return one_pass(name, divide_up(p.rows, kSide) * divide_up(p.columns, kSide));
    }
    case OpCode::dyt: {
      const auto p = bytes.as<MatrixParams>();
      return per_element(name, std::uint64_t{p.rows} * p.columns);
    }
    case OpCode::dyt_grad: return plan_dyt_grad(step);
    case OpCode::gate: {
      const auto p = bytes.as<GateParams>();
      return per_element(name, std::uint64_t{p.rows} * p.groups);
    }
    case OpCode::gate_grad: return plan_gate_grad(step);
    case OpCode::column_sum: {
      constexpr std::uint64_t kColumns = 16;  // of a workgroup
      StepPlan plan = one_pass(name, divide_up(bytes.as<MatrixParams>().columns, kColumns));
      plan.passes[0].constants[0] = 2 * kLanes;
      return plan;
    }
    case OpCode::act_grad: return per_element(name, bytes.as<ActParams>().count);
    case OpCode::norm_grad: {
      const auto p = bytes.as<NormGradParams>();
      return one_pass(name, std::uint64_t{p.rows} * p.groups);
    }
    case OpCode::attention_grad: return plan_attention_grad(step, program);
    case OpCode::embed_grad: {
      const auto p = bytes.as<EmbedParams>();
      return one_pass(name, p.vocabulary * divide_up(p.dim, kLanes));
    }
    case OpCode::nll:
    case OpCode::nll_grad: return per_element(name, bytes.as<LossParams>().rows);
    case OpCode::cross_entropy_grad: {
      const auto p = bytes.as<TileParams>();
      return per_element(name, std::uint64_t{p.rows} * p.tile);
    }
    case OpCode::squared_error: return one_pass(name, bytes.as<LossParams>().rows);
    case OpCode::squared_error_grad: {
      const auto p = bytes.as<LossParams>();
      return per_element(name, std::uint64_t{p.rows} * p.dim);
    }
    case OpCode::dropout: return per_element(name, bytes.as<DropoutParams>().count);
    case OpCode::sum_squares: return plan_sum_squares(bytes.as<SumSquaresParams>());
    case OpCode::clip_factor: return one_pass(name, 1);
    case OpCode::moments: return per_element(name, bytes.as<MomentsParams>().count);
    case OpCode::adamw: return per_element(name, bytes.as<AdamwParams>().count);
    default: return std::nullopt;
  }
}

std::optional<StepPlan> plan_of(const Step& step, const Program& program,
                                const DeviceTraits& traits, const std::string& dtype) {
  const ParamBytes& bytes = step.params;
  switch (step.op) {
    case OpCode::embed: {
      const auto p = bytes.as<EmbedParams>();
      return per_element("embed." + dtype, std::uint64_t{p.rows} * p.dim);
    }
    case OpCode::cast: return per_element("cast." + dtype, bytes.as<CastParams>().count);
    case OpCode::pack: return plan_pack(step, "pack." + dtype, program, traits);
    case OpCode::linear: return plan_linear(step, program, traits);
    case OpCode::rms_norm:
    case OpCode::layer_norm: {
      constexpr std::uint32_t kLong =
          1024;  // where a lane of few would read one piece after another
      const auto p = bytes.as<NormParams>();
      StepPlan plan = one_pass(std::string(op_of(step.op).name), std::uint64_t{p.rows} * p.groups);
      if (p.dim >= kLong) plan.passes[0].constants[0] = 4 * kLanes;
      return plan;
    }
    case OpCode::rope: {
      const auto p = bytes.as<RopeParams>();
      const std::uint64_t elements = std::uint64_t{p.rows} * p.heads * p.head_dim;
      const bool fours = p.interleaved == 0 && p.rotary_dim == p.head_dim && p.head_dim % 8 == 0;
      return one_pass("rope", divide_up(fours ? elements / 8 : elements, kLanes), fours ? 1 : 0);
    }
    case OpCode::attention: return plan_attention(step, program, traits);
    case OpCode::act: return per_element("act", bytes.as<ActParams>().count);
    case OpCode::act_mul: return per_element("act_mul", divide_up(bytes.as<ActParams>().count, 4));
    case OpCode::add: return per_element("add", bytes.as<AddParams>().count);
    case OpCode::scale:
    case OpCode::clamp:
    case OpCode::softcap:
      return per_element(std::string(op_of(step.op).name), bytes.as<ScalarParams>().count);
    case OpCode::route: return one_pass("route", bytes.as<RouteParams>().rows);
    case OpCode::expert_linear: return plan_expert_linear(step, program, traits);
    case OpCode::expert_mix: {
      const auto p = bytes.as<MixParams>();
      return per_element("expert_mix", std::uint64_t{p.rows} * p.dim);
    }
    case OpCode::max_abs: return plan_max_abs(bytes.as<SelectParams>());
    case OpCode::top_k_abs: return plan_top_k(bytes.as<SelectParams>());
    case OpCode::quantile_abs: return plan_quantile(bytes.as<QuantileParams>());
    case OpCode::above_abs: return plan_above(bytes.as<AboveParams>());
    case OpCode::channel_max_abs: {
      const auto p = bytes.as<ReduceParams>();
      StepPlan plan = one_pass("channel_max_abs", p.sequences * divide_up(p.dim, kChannelsBeside));
      plan.passes.front().constants[0] = kManyLanes;
      return plan;
    }
    case OpCode::token_max_abs: return one_pass("token_max_abs", bytes.as<ReduceParams>().rows);
    case OpCode::l2_norm: return one_pass("l2_norm", bytes.as<ReduceParams>().rows);
    case OpCode::cross_entropy: return one_pass("cross_entropy", bytes.as<TileParams>().rows);
    case OpCode::arg_max: return one_pass("arg_max", bytes.as<TileParams>().rows);
    case OpCode::divergence: return one_pass("divergence", bytes.as<TileParams>().rows);
    case OpCode::l2_distance: return one_pass("l2_distance", bytes.as<ReduceParams>().rows);
    case OpCode::row_level: return per_element("row_level", bytes.as<RowLevelParams>().rows);
    case OpCode::mark_rows: return per_element("mark_rows", bytes.as<MarkRowsParams>().rows);
    case OpCode::mark_largest:
      return per_element("mark_largest", bytes.as<MarkLargestParams>().rows);
    case OpCode::edit: {
      const auto p = bytes.as<EditParams>();
      return per_element("edit", std::uint64_t{p.rows} * p.dim);
    }
    case OpCode::attention_stats: return plan_attention_stats(step, program);
    case OpCode::attention_map: return plan_attention_map(step, program);
    case OpCode::put_rows: {
      const auto p = bytes.as<PutRowsParams>();
      const std::uint64_t rows = p.in_place != 0 ? p.fresh : p.rows;
      return per_element("put_rows", rows * p.tables * p.dim);
    }
    case OpCode::head_values: {
      const auto p = bytes.as<HeadValuesParams>();
      const std::uint64_t rows = std::uint64_t{p.sequences} * p.marked * p.heads;
      return per_element("head_values", rows * p.heads * p.head_dim);
    }
    case OpCode::mix_rows: {
      const auto p = bytes.as<MixRowsParams>();
      return per_element("mix_rows", std::uint64_t{p.rows} * p.dim);
    }
    case OpCode::constancy: return plan_constancy(bytes.as<ConstancyParams>());
    default: return plan_training(step, program);
  }
}

// The dtype that names the variant: that of the stored tensor.
std::string variant(const Step& step, const Program& program) {
  if (step.in.empty()) return "";
  const Value stored = step.op == OpCode::embed ? step.in.back() : step.in.front();
  return std::string(dtype_name(program.type_of(stored).dtype));
}

bool indexable(std::span<const Value> values, const Program& program) {
  return std::ranges::all_of(
      values, [&](Value value) { return program.type_of(value).shape.elements() < kElementLimit; });
}

}  // namespace

std::uint32_t block_rows(std::uint32_t dim) { return std::max(1U, kBlock / std::max(1U, dim)); }

std::uint64_t block_slots(std::uint32_t rows, std::uint32_t dim, std::uint32_t sequences) {
  return sequences == 0 ? 0 : std::uint64_t{rows} / block_rows(dim) + sequences;
}

std::uint64_t radix_words(std::uint64_t sequences, std::uint64_t ranks) {
  return sequences * (kLevels + kCoarse + ranks * (2 + kFine));
}

std::optional<StepPlan> plan_step(const Step& step, const Program& program,
                                  const DeviceTraits& traits) {
  if (!indexable(step.in, program) || !indexable(step.out, program)) return std::nullopt;
  std::optional<StepPlan> plan = plan_of(step, program, traits, variant(step, program));
  if (!plan || plan->scratch_bytes >= kScratchLimit) return std::nullopt;
  plan->reads = step.in;
  plan->writes = step.out;
  for (Pass& pass : plan->passes) {
    // Whoever asks for matrix units has made sure of their kernel, or only counts.
    const bool on_units =
        pass.shader.starts_with(kMatrixShader) || pass.shader.starts_with(kExpertMatrixShader);
    if (!on_units && !ShaderLibrary::has(pass.shader)) return std::nullopt;
    const bool own_slots =
        std::ranges::any_of(pass.slots, [](Value value) { return value.present(); });
    if (!own_slots) {
      const auto at = std::ranges::copy(step.in, pass.slots.begin()).out;
      std::ranges::copy(step.out, at);
    }
    pass.params = step.params;
  }
  return plan;
}

}  // namespace tepui::vulkan
