// SPDX-License-Identifier: MIT
#include "backend/vulkan/step_plan.h"

#include <algorithm>

namespace tepui::vulkan {
namespace {

constexpr std::uint32_t kLanes = 64;     // of a workgroup
constexpr std::uint32_t kBlock = 4096;   // elements of a selection's block
constexpr std::uint32_t kHeadLimit = 8;  // head_dim is at most so many times kLanes
constexpr std::uint64_t kCoarse = 2048;  // lib/radix.glsl
constexpr std::uint64_t kFine = 1024;
constexpr std::int64_t kElementLimit = std::int64_t{1} << 31;
constexpr std::uint64_t kScratchLimit = std::uint64_t{1} << 31;

std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

StepPlan one_pass(std::string shader, std::uint64_t groups, std::uint32_t constant = 0) {
  return {std::move(shader), {{{kLanes, constant, 0}, groups}}, 0, 0};
}
StepPlan per_element(std::string shader, std::uint64_t elements) {
  return one_pass(std::move(shader), divide_up(elements, kLanes));
}

// Slots of lib/blocks.glsl.
std::uint64_t slots(std::uint64_t rows, std::uint64_t dim, std::uint64_t sequences) {
  return sequences == 0 ? 0 : rows * dim / kBlock + sequences;
}

class PassList {
 public:
  explicit PassList(StepPlan& plan) : plan_(plan) {}
  void add(std::uint64_t groups) {
    const auto pass = static_cast<std::uint32_t>(plan_.passes.size());
    plan_.passes.push_back({{kLanes, kBlock, pass}, groups});
  }
  void add_radix(std::uint64_t blocks, std::uint64_t finds) {
    for (int level = 0; level < 3; ++level) {
      add(blocks);
      add(finds);
    }
  }

 private:
  StepPlan& plan_;
};

std::uint64_t radix_words(std::uint64_t sequences, std::uint64_t ranks) {
  return 2 * sequences * ranks + kCoarse * sequences + kFine * sequences * ranks;
}

StepPlan plan_linear(const LinearParams& p) {
  // How many rows a lane takes does not change the order of any sum.
  const std::uint32_t rows = p.rows < 4 ? 1 : 4;
  const std::uint64_t across = divide_up(divide_up(p.n, 4), kLanes);
  return one_pass("linear", divide_up(p.rows, rows) * across, rows);
}

StepPlan plan_max_abs(const SelectParams& p) {
  StepPlan plan{"max_abs", {}, 0, 0};
  const std::uint64_t blocks = slots(p.rows, p.dim, p.sequences);
  PassList passes(plan);
  passes.add(blocks);
  passes.add(p.sequences);
  plan.scratch_bytes = blocks * 8;
  return plan;
}

StepPlan plan_quantile(const QuantileParams& p) {
  StepPlan plan{"quantile_abs", {}, 0, 0};
  PassList passes(plan);
  passes.add_radix(slots(p.rows, p.dim, p.sequences), std::uint64_t{p.sequences} * p.ranks);
  plan.scratch_bytes = plan.cleared_bytes = 4 * radix_words(p.sequences, p.ranks);
  return plan;
}

StepPlan plan_top_k(const SelectParams& p) {
  StepPlan plan{"top_k_abs", {}, 0, 0};
  const std::uint64_t blocks = slots(p.rows, p.dim, p.sequences);
  PassList passes(plan);
  passes.add_radix(blocks, p.sequences);
  passes.add(blocks);
  passes.add(p.sequences);
  passes.add(blocks);
  passes.add(p.sequences * divide_up(p.k, kLanes));
  const std::uint64_t radix = radix_words(p.sequences, 1);
  plan.cleared_bytes = 4 * radix;
  plan.scratch_bytes =
      4 * (radix + p.sequences + 2 * std::uint64_t{p.sequences} * p.k + 4 * blocks);
  return plan;
}

StepPlan plan_above(const AboveParams& p) {
  StepPlan plan{"above_abs", {}, 0, 0};
  const std::uint64_t blocks = slots(p.rows, p.dim, p.sequences);
  PassList passes(plan);
  passes.add(blocks);
  passes.add(p.sequences);
  passes.add(blocks);
  plan.scratch_bytes = 16 * blocks;
  return plan;
}

std::optional<StepPlan> plan_attention(const AttentionParams& p) {
  const auto per_lane = static_cast<std::uint32_t>(divide_up(p.head_dim, kLanes));
  if (per_lane > kHeadLimit) return std::nullopt;
  return one_pass("attention", std::uint64_t{p.rows} * p.heads, per_lane);
}

std::optional<StepPlan> plan_of(const Step& step, const std::string& dtype) {
  const ParamBytes& bytes = step.params;
  switch (step.op) {
    case OpCode::embed: {
      const auto p = bytes.as<EmbedParams>();
      return per_element("embed." + dtype, std::uint64_t{p.rows} * p.dim);
    }
    case OpCode::cast: return per_element("cast." + dtype, bytes.as<CastParams>().count);
    case OpCode::pack: {
      const auto p = bytes.as<PackParams>();
      return per_element("pack." + dtype, divide_up(p.n, 4) * 4 * p.k);
    }
    case OpCode::linear: return plan_linear(bytes.as<LinearParams>());
    case OpCode::rms_norm: return one_pass("rms_norm", bytes.as<NormParams>().rows);
    case OpCode::layer_norm: return one_pass("layer_norm", bytes.as<NormParams>().rows);
    case OpCode::rope: {
      const auto p = bytes.as<RopeParams>();
      return per_element("rope", std::uint64_t{p.rows} * p.heads * p.head_dim);
    }
    case OpCode::attention: return plan_attention(bytes.as<AttentionParams>());
    case OpCode::act: return per_element("act", bytes.as<ActParams>().count);
    case OpCode::act_mul: return per_element("act_mul", bytes.as<ActParams>().count);
    case OpCode::add: return per_element("add", bytes.as<AddParams>().count);
    case OpCode::max_abs: return plan_max_abs(bytes.as<SelectParams>());
    case OpCode::top_k_abs: return plan_top_k(bytes.as<SelectParams>());
    case OpCode::quantile_abs: return plan_quantile(bytes.as<QuantileParams>());
    case OpCode::above_abs: return plan_above(bytes.as<AboveParams>());
    case OpCode::channel_max_abs: {
      const auto p = bytes.as<ReduceParams>();
      return one_pass("channel_max_abs", p.sequences * divide_up(p.dim, kLanes));
    }
    case OpCode::token_max_abs: return one_pass("token_max_abs", bytes.as<ReduceParams>().rows);
    case OpCode::l2_norm: return one_pass("l2_norm", bytes.as<ReduceParams>().rows);
    case OpCode::cross_entropy: return one_pass("cross_entropy", bytes.as<TileParams>().rows);
    case OpCode::arg_max: return one_pass("arg_max", bytes.as<TileParams>().rows);
  }
  return std::nullopt;
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

std::size_t packed_bytes(const Shape& shape) {
  const auto n = static_cast<std::size_t>(shape[0]);
  return (n + 3) / 4 * 4 * static_cast<std::size_t>(shape[1]) * sizeof(float);
}

std::optional<StepPlan> plan_step(const Step& step, const Program& program) {
  if (!indexable(step.in, program) || !indexable(step.out, program)) return std::nullopt;
  std::optional<StepPlan> plan = plan_of(step, variant(step, program));
  if (!plan || !ShaderLibrary::has(plan->shader) || plan->scratch_bytes >= kScratchLimit)
    return std::nullopt;
  return plan;
}

}  // namespace tepui::vulkan
