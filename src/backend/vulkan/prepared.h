// SPDX-License-Identifier: MIT
// A Program as this backend runs it: its plans with their pipelines, where its temporaries and the
// plans' scratch memory lie in the arena, and how a run of it is recorded.
#pragma once

#include <memory>
#include <vector>

#include "backend/vulkan/recorder.h"
#include "backend/vulkan/step_plan.h"
#include "ir/memory_plan.h"
#include "tepui/backend.h"

namespace tepui::vulkan {

struct PlannedStep {
  StepPlan plan;
  std::vector<VkPipeline> pipelines;  // by pass
};

class PreparedVulkan final : public Prepared {
 public:
  // The Program must be one whose steps plan_step plans.
  static Result<std::unique_ptr<PreparedVulkan>> make(
      const Program& program, const DeviceTraits& traits, ShaderLibrary& shaders,
      const std::function<std::size_t(Value)>& size_of);

  const Program& program() const { return program_; }
  const std::vector<PlannedStep>& steps() const { return steps_; }
  std::size_t arena_bytes() const { return arena_bytes_; }
  int dispatches() const;

  // Of a backend that profiles: the seconds of each step of the Program so far; of steps that run
  // together the first has them all.
  std::span<const double> step_seconds() const { return step_seconds_; }
  void add_seconds(std::span<const double> seconds);  // by steps()

  // The arena must have arena_bytes(), the bindings be checked.
  void record(Recorder& recorder, const Bindings& bindings, const Range& arena,
              std::size_t index) const;

 private:
  struct Place {
    const Range* range = nullptr;
    std::size_t offset = 0;
    std::size_t bytes = 0;
    std::uint64_t address() const { return range == nullptr ? 0 : range->address() + offset; }
  };
  Place place(const Bindings& bindings, const Range& arena, Value value) const;

  Program program_;
  std::vector<PlannedStep> steps_;
  MemoryPlan memory_;
  std::vector<std::size_t> bytes_;  // by value id
  std::size_t scratch_at_ = 0;      // in the arena, behind the temporaries; the steps share it
  std::size_t arena_bytes_ = 0;
  std::vector<double> step_seconds_;
};

const Range& range_of(const BufferSlice& slice);

}  // namespace tepui::vulkan
