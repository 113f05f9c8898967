// SPDX-License-Identifier: MIT
#include "backend/vulkan/statistics_plan.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "backend/vulkan/linear_plan.h"
#include "backend/vulkan/norm_fusion.h"
#include "backend/vulkan/pass_sharing.h"
#include "backend/vulkan/statistics_params.h"

namespace tepui::vulkan {
namespace {

constexpr std::size_t kNoStep = SIZE_MAX;
constexpr std::uint64_t kCounters = 2;  // of a sequence, in lib/statistics.glsl

// The statistics of one value that may run together, by step.
struct Group {
  Value x;
  Value offsets;
  std::size_t quantile = kNoStep;
  std::size_t top = kNoStep;
  std::size_t above = kNoStep;
  std::size_t token_max = kNoStep;
  std::size_t l2_norm = kNoStep;

  std::vector<std::size_t> steps() const {
    std::vector<std::size_t> all;
    for (const std::size_t step : {quantile, top, above, token_max, l2_norm}) {
      if (step != kNoStep) all.push_back(step);
    }
    std::ranges::sort(all);
    return all;
  }
  bool selects() const { return quantile != kNoStep || top != kNoStep; }
};

class Planner {
 public:
  Planner(const Program& program, const DeviceTraits& traits)
      : program_(program), traits_(traits), norms_(program, traits) {}

  std::vector<StepPlan> run() && {
    for (std::size_t i = 0; i < program_.steps.size();) {
      const std::size_t producer = is_statistic(op(i)) ? kNoStep : i;
      const std::size_t first = producer == kNoStep ? i : i + 1;
      const std::size_t last = end_of_run(first);
      const Group group = gather(first, last);
      const bool together = group.steps().size() > 1 && plan_group(group, producer);
      if (producer != kNoStep && !together) plan_alone(i);
      for (std::size_t j = first; j < last; ++j) {
        if (!together || std::ranges::count(group.steps(), j) == 0) plan_alone(j);
      }
      i = std::max(last, first);
    }
    return std::move(plans_);
  }

 private:
  OpCode op(std::size_t step) const { return program_.steps[step].op; }
  Value out(std::size_t step, std::size_t i) const {
    return step == kNoStep ? kNone : program_.steps[step].out[i];
  }

  void plan_alone(std::size_t step) {
    plans_.push_back(*plan_step(program_.steps[step], program_, traits_));
    plans_.back().steps = {step};
    norms_.apply(step, plans_.back());
  }

  // Behind the statistics, from `first` on, that read one value.
  std::size_t end_of_run(std::size_t first) const {
    std::size_t last = first;
    while (last < program_.steps.size() && is_statistic(op(last)) &&
           program_.steps[last].in[0] == program_.steps[first].in[0]) {
      ++last;
    }
    return last;
  }

  // Their outputs are made before those of other steps of the run: nothing may share their memory.
  bool outputs_are_bound(std::size_t step) const {
    return std::ranges::all_of(program_.steps[step].out, [&](Value value) {
      return program_.info(value).role == Role::output;
    });
  }

  Group gather(std::size_t first, std::size_t last) const {
    Group group;
    if (first == last) return group;
    group.x = program_.steps[first].in[0];
    for (std::size_t i = first; i < last; ++i) {
      if (!outputs_are_bound(i)) continue;
      const Step& step = program_.steps[i];
      const bool by_row = op(i) == OpCode::token_max_abs || op(i) == OpCode::l2_norm;
      if (!by_row && group.offsets.present() && group.offsets != step.in[1]) continue;
      const auto take = [&](std::size_t& slot) {
        if (slot != kNoStep) return;
        slot = i;
        if (!by_row) group.offsets = step.in[1];
      };
      switch (op(i)) {
        case OpCode::quantile_abs: take(group.quantile); break;
        case OpCode::top_k_abs: take(group.top); break;
        case OpCode::above_abs:
          if (group.quantile != kNoStep && step.in[2] == out(group.quantile, 0)) take(group.above);
          break;
        case OpCode::token_max_abs: take(group.token_max); break;
        case OpCode::l2_norm:
          if (step.params.as<ReduceParams>().dim == program_.type_of(group.x).shape[1])
            take(group.l2_norm);
          break;
        default: break;
      }
    }
    return group.selects() ? group : Group{};  // else there are no offsets
  }

  StatisticsParams params_of(const Group& group) const {
    StatisticsParams p{};
    const auto params = [&](std::size_t step) { return program_.steps[step].params; };
    if (group.quantile != kNoStep) {
      const auto q = params(group.quantile).as<QuantileParams>();
      p.rows = q.rows;
      p.dim = q.dim;
      p.sequences = q.sequences;
      p.ranks = q.ranks;
    }
    if (group.top != kNoStep) {
      const auto t = params(group.top).as<SelectParams>();
      p.rows = t.rows;
      p.dim = t.dim;
      p.sequences = t.sequences;
      p.k = t.k;
    }
    if (group.above != kNoStep) {
      const auto a = params(group.above).as<AboveParams>();
      p.capacity = a.capacity;
      p.level_column = a.level_column;
      p.ratio = a.ratio;
      p.floor = a.floor;
    }
    if (group.token_max != kNoStep) p.outputs |= TEPUI_STATISTICS_TOKEN_MAX;
    if (group.l2_norm != kNoStep) p.outputs |= TEPUI_STATISTICS_L2_NORM;
    return p;
  }

  static void set_scratch(StepPlan& plan, const StatisticsParams& p, std::uint64_t slots) {
    const std::uint64_t sequences = p.sequences;
    const std::uint64_t ranks = p.ranks + (p.k > 0 ? 1U : 0U);
    const std::uint64_t cleared = kCounters * sequences + radix_words(sequences, ranks);
    plan.cleared_bytes = 4 * cleared;
    const std::uint64_t limits = 2 * sequences;
    const std::uint64_t top = sequences * (1 + 2 * std::uint64_t{p.k});
    const std::uint64_t maxima = 2 * std::uint64_t{p.rows} * p.tiles;
    plan.scratch_bytes = 4 * (cleared + sequences * p.ranks + limits + top + maxima + 6 * slots);
  }

  // The producer's plan with its result's first histogram; false: its kernel has no such form.
  bool tap_producer(std::size_t step, const Group& group, StatisticsParams& p, StepPlan& plan) {
    if (step == kNoStep || program_.steps[step].out.size() != 1 || out(step, 0) != group.x)
      return false;
    struct {
      std::array<uint, 4> own{};
      StatisticsParams statistics;
    } both;
    static_assert(sizeof(both) <= ParamBytes::kCapacity);
    static_assert(sizeof(LinearParams) <= sizeof(both.own) &&
                  sizeof(AddParams) <= sizeof(both.own));
    plan = *plan_step(program_.steps[step], program_, traits_);
    if (plan.passes.size() > 1) return false;
    Pass& pass = plan.passes.front();
    if (op(step) == OpCode::linear) {
      const auto linear = program_.steps[step].params.as<LinearParams>();
      if (linear.rows != p.rows || linear.n != p.dim) return false;
      const LinearTile tile = linear_tile(linear, traits_);
      if (tile.few) return false;
      p.tiles = (linear.n + tile.columns - 1) / tile.columns;
      if (tile.shared && !traits_.roomy) pass.constants[kDepthConstant] = kTappedDepth;
      std::memcpy(both.own.data(), &linear, sizeof(linear));
    } else if (op(step) == OpCode::add) {
      const auto add = program_.steps[step].params.as<AddParams>();
      if (add.count != std::uint64_t{p.rows} * p.dim) return false;
      p.tiles = 1;
      std::memcpy(both.own.data(), &add, sizeof(add));
      pass.groups = block_slots(p.rows, p.dim, p.sequences);
      pass.constants[1] = block_rows(p.dim);
    } else {
      return false;
    }
    if (pass.slots[kSlots - 1].present()) return false;
    both.statistics = p;
    pass.params = ParamBytes(both);
    pass.constants[2] = 1;
    pass.slots[kSlots - 1] = group.offsets;
    return true;
  }

  bool plan_group(const Group& group, std::size_t producer) {
    StatisticsParams p = params_of(group);
    const std::uint64_t slots = block_slots(p.rows, p.dim, p.sequences);
    StepPlan plan;
    const bool tapped = p.rows > 0 && tap_producer(producer, group, p, plan);
    if (!tapped) {
      plan = {};
      p.tiles = 0;
    }
    set_scratch(plan, p, slots);
    if (plan.scratch_bytes >= kScratchLimit) return false;
    if (!tapped && producer != kNoStep) plan_alone(producer);
    if (tapped) plan.steps.push_back(producer);
    const auto pass = [&](std::uint32_t number, std::array<Value, 4> outputs) {
      Pass one;
      one.shader = "statistics";
      one.constants = {kLanes, block_rows(p.dim), number};
      one.groups = slots;
      one.slots = {group.x, group.offsets, outputs[0], outputs[1], outputs[2], outputs[3]};
      one.params = ParamBytes(p);
      plan.passes.push_back(std::move(one));
    };
    if (!tapped) pass(0, {});
    pass(1, {out(group.token_max, 0), out(group.token_max, 1), out(group.l2_norm, 0), kNone});
    pass(2, {out(group.quantile, 0), kNone, kNone, kNone});
    if (group.top != kNoStep || group.above != kNoStep) {
      const Value value = out(group.above, 1);
      const Value index = out(group.above, 2);
      pass(3, {out(group.above, 0), value, index, kNone});
      pass(4, {out(group.top, 0), value, index, out(group.top, 1)});
    }
    finish(group, std::move(plan));
    return true;
  }

  void finish(const Group& group, StepPlan plan) {
    plan.reads.push_back(group.x);
    plan.reads.push_back(group.offsets);
    if (group.quantile != kNoStep)
      plan.copied = {{program_.steps[group.quantile].in[2], plan.cleared_bytes}};
    for (const std::size_t step : group.steps()) {
      plan.steps.push_back(step);
      const auto& outputs = program_.steps[step].out;
      plan.writes.insert(plan.writes.end(), outputs.begin(), outputs.end());
    }
    plans_.push_back(std::move(plan));
  }

  const Program& program_;
  const DeviceTraits& traits_;
  NormFusion norms_;
  std::vector<StepPlan> plans_;
};

}  // namespace

std::vector<StepPlan> plan_program(const Program& program, const DeviceTraits& traits) {
  std::vector<StepPlan> plans = Planner(program, traits).run();
  share_passes(plans);
  return plans;
}

std::size_t most_scratch(std::span<const StepPlan> plans) {
  std::size_t most = 0;
  for (const StepPlan& plan : plans) most = std::max(most, plan.scratch_bytes);
  return most;
}

}  // namespace tepui::vulkan
