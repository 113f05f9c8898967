// SPDX-License-Identifier: MIT
// What a Program takes, step by step, told without running it: floating-point operations, bytes,
// dispatches, barriers, what comes back to the host, and the time that a device of given rates
// needs for them at least.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/registry.h"
#include "tepui/program.h"

namespace tepui {

// Rates that nothing exceeds, and what each piece of work costs beside.
struct DeviceProfile {
  std::string name;
  std::string what;
  double flops = 0;         // a second, f32; a multiply-add counts as two
  double bytes = 0;         // a second, of its memory
  double host_bytes = 0;    // a second, to the host; 0: host and device share their memory
  double dispatch = 0;      // seconds
  double barrier = 0;       // seconds
  bool device = true;       // whether work is dispatched: not where the host computes
  bool matrices = false;    // linear layers on matrix units
  double matrix_flops = 0;  // a second, there, f16 products summed in f32; 0: not known, as f32's
  double cache = 0;         // bytes that its last cache holds; 0: not known, taken to hold all
  double cache_bytes = 0;   // a second, from there; 0: not known, taken for nothing
  int head_tile = 8192;     // columns of the vocabulary at once (device_sizes.h)
};

// Those known by name: "h100", "h100-matrix", "integrated". The processor is measured, not known.
std::span<const DeviceProfile> device_profiles();

enum class Limit : std::uint8_t { compute, memory, cache, overhead };

struct StepCost {
  OpCode op{};
  std::string name;  // of its first output
  double flops = 0;
  double issued =
      0;  // of them as the device issues them: on matrix units for every product of terms
  // Of operands and results once, less what steps that run together need not move, and of what is
  // read again the share that the cache cannot have kept.
  double bytes = 0;
  double cached_bytes = 0;  // of what is read again, the others
  StepCounts counts;
  double seconds = 0;
  Limit limit = Limit::memory;  // what most of them go to
};

// A part of the model and how often it runs in a pass: a layer once for each of its kind.
struct PartCost {
  std::string name;
  std::vector<StepCost> steps;
  int times = 1;
  double host_bytes = 0;    // that come back, of one run
  double weight_bytes = 0;  // of its weights as they are stored
  bool counted = true;      // whether dispatches are known: not in a build without Vulkan

  double flops() const;
  double bytes() const;
  double seconds(const DeviceProfile& profile) const;  // of one run
  // Where its weights come from the host each time, while the part before is computed.
  double seconds_streamed(const DeviceProfile& profile) const;
};

PartCost cost_of(const Program& program, const DeviceProfile& profile);

}  // namespace tepui
