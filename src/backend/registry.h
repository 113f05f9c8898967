// SPDX-License-Identifier: MIT
// Backends by name, and the devices of this machine. Adding one: its folder, and its line in
// registry.cpp; the op and model tests then run on it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "tepui/backend.h"

namespace tepui {

struct BackendOptions {
  int threads = 0;       // 0: all processors that this process may use
  std::string isa;       // cpu: portable, avx2 or avx512; empty: TEPUI_ISA, else the best there is
  bool profile = false;  // keep the time of each step, for benchmarks
};

// "cpu", "reference", "vulkan" (the best device that Vulkan has) or "vulkan:N" (its N-th); "auto"
// is the best real GPU, else the processor: never a software device.
Result<std::unique_ptr<Backend>> make_backend(std::string_view name, const BackendOptions& options);

// Those that work here, without "auto" and without numbers.
std::vector<std::string> backend_names();

// What a step costs a GPU beside its work.
struct StepCounts {
  int dispatches = 0;
  int barriers = 0;           // in front of and between them
  bool with_earlier = false;  // computed together with an earlier step, which has the counts
  double bytes_saved = 0;     // of operands and results, by running with others; below 0: more
  int matrix_products = 0;    // of f16 terms for each one of f32, at most; 0: not on matrix units
  double again_bytes = 0;     // of operands, read again behind the first time (attention's keys)
  double again_span = 0;      // bytes that pass between one time and the next
};
// Of a run of a Program on a Vulkan device, by step, told without one; `matrices`: with its matrix
// units. Nothing where it cannot run there, or this build has no Vulkan.
std::optional<std::vector<StepCounts>> vulkan_counts(const Program& program, bool matrices);

// The seconds that each step of a Program has taken so far, of a backend that was made with
// `profile`; of steps that run together the first has them all. Empty where it keeps none.
std::span<const double> step_seconds(const Backend& backend, const Prepared& prepared);

// What a device reaches at best, a second: multiply-adds on registers (each two), and bytes of
// memory.
struct PeakRates {
  double flops = 0;
  double bytes = 0;
  double matrix_flops = 0;  // of the matrix units that its linear layers take, if any
};
// Measured now, in a fraction of a second; `pool` as wide as the backend where the host computes.
// `bytes` are read again and again there: what a pass reads, as warm as that much can be. A cache
// still serves a tenth of what is eight times its size.
inline constexpr std::size_t kBeyondCaches = std::size_t{1} << 30;
Result<PeakRates> measure_peak_rates(Backend& backend, ThreadPool& pool,
                                     std::size_t bytes = kBeyondCaches);

// Whether this build has the Vulkan backend at all.
bool built_with_vulkan();

// Whether it is a name that --backend takes, on some machine.
bool known_backend(std::string_view name);

// A device as `tepui devices` shows it.
struct DeviceListing {
  std::string selector;  // what --backend takes
  std::string name;
  std::string kind;  // "processor", "discrete", "integrated", "software"
  std::string driver;
  std::uint64_t memory_bytes = 0;
  std::uint64_t max_allocation_bytes = 0;
  unsigned subgroup = 0;              // lanes that run in step; 0: not told
  std::vector<std::string> features;  // beyond what is needed, and what each is good for
  std::vector<std::string> lacks;     // what it would need to be used
};

struct DeviceList {
  std::vector<DeviceListing> devices;
  std::string note;  // why there are no more: no Vulkan in this build, no driver; empty: all seen
};
DeviceList list_devices();

}  // namespace tepui
