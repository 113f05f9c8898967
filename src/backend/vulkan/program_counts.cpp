// SPDX-License-Identifier: MIT
#include "backend/vulkan/program_counts.h"

#include <algorithm>

#include "backend/vulkan/attention_plan.h"
#include "backend/vulkan/hazards.h"
#include "backend/vulkan/linear_plan.h"
#include "backend/vulkan/norm_fusion.h"
#include "backend/vulkan/statistics_plan.h"
#include "ir/memory_plan.h"

namespace tepui {

namespace {

using vulkan::AddressRange;
using vulkan::StepPlan;

// A device of which nothing is known but that it is a GPU, with matrix units or without.
vulkan::DeviceTraits traits_of_any(bool matrices) {
  vulkan::DeviceTraits traits;
  if (matrices) traits.matrix = vulkan::MatrixShape{16, 16, 16};
  traits.large_matrices = matrices;
  traits.subgroup = 32;
  traits.roomy = true;
  return traits;
}

// A Program's plans in order, as PreparedVulkan records them (prepared.cpp).
class Counter {
 public:
  Counter(const Program& program, const vulkan::DeviceTraits& traits)
      : program_(program),
        traits_(traits),
        memory_(plan_memory(program, [&](Value value) { return bytes_there(value); })) {}

  std::vector<StepCounts> run() {
    std::vector<StepCounts> counts(program_.steps.size());
    const vulkan::NormFusion norms(program_, traits_);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      counts[i].bytes_saved = norms.bytes_saved(i);
      if (traits_.matrix) use_matrices(program_.steps[i], counts[i]);
      if (program_.steps[i].op != OpCode::attention) continue;
      const vulkan::KeyReads reads = vulkan::attention_reads(program_.steps[i], traits_);
      counts[i].again_bytes = reads.again_bytes;
      counts[i].again_span = reads.span_bytes;
      counts[i].bytes_saved -= 2 * vulkan::attention_left(program_.steps[i], traits_);
    }
    for (const StepPlan& plan : vulkan::plan_program(program_, traits_)) {
      StepCounts& own = counts[plan.steps.front()];
      for (std::size_t i = 1; i < plan.steps.size(); ++i) counts[plan.steps[i]].with_earlier = true;
      count(plan, own);
    }
    return counts;
  }

 private:
  // Two terms of x by as many of the weights as their type has (shaders/matrix), each written by
  // one pass and read by the other.
  void use_matrices(const Step& step, StepCounts& counts) const {
    if (step.op != OpCode::linear && step.op != OpCode::expert_linear) return;
    const auto elements = static_cast<double>(program_.type_of(step.in[0]).shape.elements());
    const DType packed = program_.type_of(step.in[1]).dtype;
    counts.matrix_products = packed == DType::packed_f16 ? 2 : 3;
    counts.bytes_saved -= 2 * 2 * 2.0 * elements;
    if (step.op == OpCode::expert_linear) return;
    const auto p = step.params.as<LinearParams>();
    if (vulkan::weights_from(p, packed, traits_) == vulkan::kPlanes)
      counts.bytes_saved -= 2.0 * static_cast<double>(vulkan::plane_bytes(p.n, p.k));
  }
  std::size_t bytes_there(Value value) const {
    const TensorType& type = program_.type_of(value);
    return is_packed(type.dtype) ? vulkan::packed_bytes(type, traits_) : type.bytes();
  }
  // Temporaries share the arena, scratch memory lies behind it, and all else apart.
  AddressRange range(Value value) const {
    const std::uint64_t bytes = bytes_there(value);
    std::uint64_t begin = (std::uint64_t{value.id} + 2) << 48;
    if (program_.info(value).role == Role::temp) begin = memory_.offset[value.id];
    return {begin, begin + bytes};
  }
  static AddressRange scratch(std::uint64_t offset, std::uint64_t bytes) {
    return {kScratch + offset, kScratch + offset + bytes};
  }

  void count(const StepPlan& plan, StepCounts& own) {
    const auto order = [&](std::span<const AddressRange> reads,
                           std::span<const AddressRange> writes) {
      if (hazards_.barrier_before(reads, writes)) ++own.barriers;
    };
    std::vector<AddressRange> reads = ranges(plan.reads);
    std::vector<AddressRange> writes = ranges(plan.writes);
    if (plan.scratch_bytes > 0) {
      reads.push_back(scratch(0, plan.scratch_bytes));
      writes.push_back(scratch(0, plan.scratch_bytes));
    }
    if (plan.split_before) {  // x is not read, its terms are not written
      const Value x = program_.steps[plan.steps.front()].in[0];
      own.bytes_saved += 2.0 * static_cast<double>(program_.type_of(x).bytes());
    }
    if (plan.cleared_bytes > 0) {
      const AddressRange cleared = scratch(0, plan.cleared_bytes);
      order({}, {&cleared, 1});
    }
    for (const StepPlan::Copied& copied : plan.copied) {
      const AddressRange from = range(copied.value);
      const AddressRange to = scratch(copied.to, from.end - from.begin);
      if (from.end > from.begin) order({&from, 1}, {&to, 1});
    }
    for (const vulkan::Pass& pass : plan.passes) {
      if (pass.groups == 0) continue;
      order(reads, std::span(writes).first(writes.size() - (pass.reads_scratch ? 1 : 0)));
      ++own.dispatches;
    }
  }

  std::vector<AddressRange> ranges(const std::vector<Value>& values) const {
    std::vector<AddressRange> list;
    for (const Value value : values)
      if (value.present()) list.push_back(range(value));
    return list;
  }

  static constexpr std::uint64_t kScratch = std::uint64_t{1} << 48;
  const Program& program_;
  const vulkan::DeviceTraits& traits_;
  MemoryPlan memory_;
  vulkan::Hazards hazards_;
};

}  // namespace

std::optional<std::vector<StepCounts>> count_vulkan(const Program& program, bool matrices) {
  // The kernels of matrix units need not be in this build to be counted.
  const vulkan::DeviceTraits traits = traits_of_any(matrices);
  const bool all = std::ranges::all_of(program.steps, [&](const Step& step) {
    return vulkan::plan_step(step, program, traits_of_any(false)).has_value();
  });
  if (!all) return std::nullopt;
  return Counter(program, traits).run();
}

}  // namespace tepui
