// SPDX-License-Identifier: MIT
#include "backend/registry.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "backend/cpu/calibrate.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/reference/reference_backend.h"
#ifdef TEPUI_HAVE_VULKAN
#include "backend/vulkan/program_counts.h"
#include "backend/vulkan/vulkan_backend.h"
#endif

namespace tepui {
namespace {

constexpr std::string_view kVulkan = "vulkan";

#ifdef TEPUI_HAVE_VULKAN
constexpr bool kBuiltWithVulkan = true;
DeviceList vulkan_devices() {
  auto listed = list_vulkan_devices();
  if (!listed) return {{}, listed.error().message};
  return {*std::move(listed), ""};
}
std::span<const double> vulkan_step_seconds(const Prepared& prepared) {
  return vulkan::step_seconds(prepared);
}
Result<PeakRates> vulkan_peak_rates(Backend& backend) {
  TEPUI_TRY(const vulkan::Peak peak, vulkan::measure_peak(backend));
  return PeakRates{peak.flops, peak.bytes, peak.matrix_flops};
}
#else
constexpr bool kBuiltWithVulkan = false;
DeviceList vulkan_devices() { return {{}, "this program was built without Vulkan"}; }
Result<std::unique_ptr<Backend>> make_vulkan_backend(std::string_view, const BackendOptions&) {
  return fail(ErrorKind::unsupported, "--backend vulkan: this program was built without Vulkan");
}
Result<std::unique_ptr<Backend>> make_gpu_backend(const BackendOptions&) { return nullptr; }
std::optional<std::vector<StepCounts>> count_vulkan(const Program&, bool) { return std::nullopt; }
std::span<const double> vulkan_step_seconds(const Prepared&) { return {}; }
Result<PeakRates> vulkan_peak_rates(Backend&) { return PeakRates{}; }
#endif

bool usable(const DeviceListing& device) { return device.lacks.empty(); }

}  // namespace

std::vector<std::string> backend_names() {
  std::vector<std::string> names{"cpu", "reference"};
  if (std::ranges::any_of(vulkan_devices().devices, usable))
    names.insert(names.begin() + 1, std::string(kVulkan));
  return names;
}

bool built_with_vulkan() { return kBuiltWithVulkan; }

bool known_backend(std::string_view name) {
  if (name == "auto" || name == "cpu" || name == "reference" || name == kVulkan) return true;
  if (!name.starts_with("vulkan:")) return false;
  const std::string_view number = name.substr(kVulkan.size() + 1);
  return !number.empty() && number.size() < 4 &&
         number.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<std::unique_ptr<Backend>> make_backend(std::string_view name,
                                              const BackendOptions& options) {
  if (name == "auto") {
    TEPUI_TRY(auto gpu, make_gpu_backend(options));
    if (gpu != nullptr) return gpu;
  }
  if (name == "auto" || name == "cpu") return make_cpu_backend(options);
  if (name == "reference") return make_reference_backend();
  if (known_backend(name)) {
    return make_vulkan_backend(name.substr(std::min(name.size(), kVulkan.size() + 1)), options);
  }
  return fail(ErrorKind::usage, "--backend {}: expected auto, vulkan:N or one of {}", name,
              fmt::join(backend_names(), ", "));
}

std::optional<std::vector<StepCounts>> vulkan_counts(const Program& program, bool matrices) {
  return count_vulkan(program, matrices);
}

std::span<const double> step_seconds(const Backend& backend, const Prepared& prepared) {
  if (backend.device().backend == "cpu") return cpu_step_seconds(prepared);
  return backend.device().backend == kVulkan ? vulkan_step_seconds(prepared)
                                             : std::span<const double>{};
}

Result<PeakRates> measure_peak_rates(Backend& backend, ThreadPool& pool, std::size_t bytes) {
  const DeviceInfo& device = backend.device();
  if (device.backend == kVulkan) return vulkan_peak_rates(backend);
  if (device.backend != "cpu")
    return fail(ErrorKind::usage, "--backends {}: expected cpu or vulkan:N", device.backend);
  return PeakRates{fma_rate(pool, device.isa), read_rate(pool, device.isa, bytes), 0};
}

DeviceList list_devices() {
  DeviceList list = vulkan_devices();
  const auto cpu = make_cpu_backend({});
  if (!cpu) return list;
  const DeviceInfo& info = (*cpu)->device();
  DeviceListing processor;
  processor.selector = "cpu";
  processor.name = info.name;
  processor.kind = "processor";
  processor.driver = info.detail;
  processor.memory_bytes = info.memory_bytes;
  processor.max_allocation_bytes = info.max_allocation_bytes;
  list.devices.insert(list.devices.begin(), processor);
  return list;
}

}  // namespace tepui
