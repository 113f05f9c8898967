// SPDX-License-Identifier: MIT
#include "backend/vulkan/device_list.h"

#include <fmt/ranges.h>

namespace tepui::vulkan {
namespace {

int preference(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return 4;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return 3;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return 2;
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return 0;
    default: return 1;
  }
}

// The first of the best; 0 where none is usable.
std::size_t best_of(std::span<const PhysicalDevice> devices) {
  const auto rank = [&](std::size_t i) {
    return devices[i].usable() ? preference(devices[i].type) : -1;
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i < devices.size(); ++i) {
    if (rank(i) > rank(best)) best = i;
  }
  return best;
}

}  // namespace

std::optional<std::size_t> find_gpu(std::span<const PhysicalDevice> devices) {
  if (devices.empty()) return std::nullopt;
  const std::size_t best = best_of(devices);
  if (!devices[best].usable() || devices[best].software()) return std::nullopt;
  return best;
}

Result<std::size_t> choose_device(std::span<const PhysicalDevice> devices, std::string_view which) {
  if (devices.empty())
    return fail(ErrorKind::unsupported, "vulkan: no driver offers a device on this machine");
  const std::size_t best = which.empty() ? best_of(devices) : std::stoul(std::string(which));
  if (best >= devices.size())
    return fail(ErrorKind::usage, "--backend vulkan:{}: there are {} devices, counted from 0", best,
                devices.size());
  const PhysicalDevice& chosen = devices[best];
  if (chosen.usable()) return best;
  return fail(ErrorKind::unsupported, "vulkan: {} ({}) cannot be used: it lacks {}", chosen.name,
              chosen.driver, fmt::join(chosen.lacks, ", "));
}

DeviceListing listing_of(const PhysicalDevice& device, std::size_t index) {
  DeviceListing one;
  one.selector = fmt::format("vulkan:{}", index);
  one.name = device.name;
  one.kind = type_name(device.type);
  one.driver = fmt::format("Vulkan {}.{}.{}, {}", VK_API_VERSION_MAJOR(device.api_version),
                           VK_API_VERSION_MINOR(device.api_version),
                           VK_API_VERSION_PATCH(device.api_version), device.driver);
  one.memory_bytes = device.memory_bytes;
  one.max_allocation_bytes = device.max_allocation_bytes;
  one.subgroup = device.subgroup;
  one.features.emplace_back(
      device.adopts_host_memory()
          ? "memory shared with the processor: stored weights are read in place"
          : "memory of its own: weights are copied there once, through staging memory");
  one.features.push_back(describe(device.matrices));
  if (device.half_arithmetic)
    one.features.emplace_back("16-bit arithmetic: not used, sums are f32");
  if (device.int8_products)
    one.features.emplace_back("8-bit dot products: not used, weights are multiplied in f32");
  one.lacks = device.lacks;
  return one;
}

}  // namespace tepui::vulkan
