// SPDX-License-Identifier: MIT
#include "backend/vulkan/prepared.h"

#include <algorithm>
#include <cstring>

#include "backend/vulkan/statistics_plan.h"
#include "base/assert.h"

namespace tepui::vulkan {

const Range& range_of(const BufferSlice& slice) {
  TEPUI_ASSERT(slice.buffer != nullptr && slice.offset <= slice.buffer->bytes &&
               slice.bytes <= slice.buffer->bytes - slice.offset);
  const auto* storage = dynamic_cast<const VulkanStorage*>(slice.buffer->storage.get());
  TEPUI_ASSERT(storage != nullptr);
  return storage->range();
}

Result<std::unique_ptr<PreparedVulkan>> PreparedVulkan::make(
    const Program& program, const DeviceTraits& traits, ShaderLibrary& shaders,
    const std::function<std::size_t(Value)>& size_of) {
  auto prepared = std::make_unique<PreparedVulkan>();
  prepared->program_ = program;
  prepared->memory_ = plan_memory(program, size_of);
  for (std::uint32_t id = 0; id < program.values.size(); ++id)
    prepared->bytes_.push_back(size_of(Value{id}));
  std::vector<StepPlan> plans = plan_program(program, traits);
  const std::size_t scratch = most_scratch(plans);
  for (StepPlan& plan : plans) {
    PlannedStep planned{std::move(plan), {}};
    for (const Pass& pass : planned.plan.passes) {
      TEPUI_TRY(planned.pipelines.emplace_back(), shaders.pipeline(pass.shader, pass.constants));
    }
    prepared->steps_.push_back(std::move(planned));
  }
  prepared->step_seconds_.assign(program.steps.size(), 0.0);
  constexpr std::size_t kMask = MemoryPool::kAlignment - 1;
  prepared->scratch_at_ = (prepared->memory_.bytes + kMask) & ~kMask;
  prepared->arena_bytes_ = prepared->scratch_at_ + scratch;
  return prepared;
}

int PreparedVulkan::dispatches() const {
  int count = 0;
  for (const PlannedStep& step : steps_) {
    for (const Pass& pass : step.plan.passes) count += pass.groups > 0 ? 1 : 0;
  }
  return count;
}

void PreparedVulkan::add_seconds(std::span<const double> seconds) {
  for (std::size_t i = 0; i < steps_.size(); ++i)
    step_seconds_[steps_[i].plan.steps.front()] += seconds[i];
}

PreparedVulkan::Place PreparedVulkan::place(const Bindings& bindings, const Range& arena,
                                            Value value) const {
  if (!value.present()) return {};
  if (program_.info(value).role == Role::temp)
    return {&arena, memory_.offset[value.id], bytes_[value.id]};
  const BufferSlice& slice = bindings[value.id];
  return {&range_of(slice), slice.offset, bytes_[value.id]};
}

void PreparedVulkan::record(Recorder& recorder, const Bindings& bindings, const Range& arena,
                            std::size_t index) const {
  const PlannedStep& step = steps_[index];
  const StepPlan& plan = step.plan;
  const auto ranges = [&](const std::vector<Value>& values) {
    std::vector<AddressRange> list;
    for (const Value value : values) {
      const Place at = place(bindings, arena, value);
      if (at.range != nullptr) list.push_back({at.address(), at.address() + at.bytes});
    }
    return list;
  };
  std::vector<AddressRange> reads = ranges(plan.reads);
  std::vector<AddressRange> writes = ranges(plan.writes);
  PushBlock push;
  if (plan.scratch_bytes > 0) {
    push.scratch = arena.address() + scratch_at_;
    const AddressRange scratch{push.scratch, push.scratch + plan.scratch_bytes};
    reads.push_back(scratch);
    writes.push_back(scratch);
    recorder.clear(arena, scratch_at_, plan.cleared_bytes);
  }
  for (const StepPlan::Copied& copied : plan.copied) {
    const Place from = place(bindings, arena, copied.value);
    recorder.copy(*from.range, from.offset, arena, scratch_at_ + copied.to, from.bytes);
  }
  for (std::size_t i = 0; i < plan.passes.size(); ++i) {
    const Pass& pass = plan.passes[i];
    for (std::size_t slot = 0; slot < kSlots; ++slot)
      push.addresses[slot] = place(bindings, arena, pass.slots[slot]).address();
    std::memcpy(push.params.data(), &pass.params, push.params.size());
    const std::size_t written = writes.size() - (pass.reads_scratch ? 1 : 0);  // scratch is last
    recorder.dispatch(step.pipelines[i], push, pass.groups, reads,
                      std::span(writes).first(written));
  }
}

}  // namespace tepui::vulkan
