// SPDX-License-Identifier: MIT
// Backends by name, and the devices of this machine. Adding one: its folder, and its line in
// registry.cpp; the op and model tests then run on it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

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
