// SPDX-License-Identifier: MIT
// What a device lists of itself by a function of an extension that the headers may not know.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/vulkan/api.h"

namespace tepui::vulkan {

// Empty where the loader does not know the function, or the device fails at it.
template <class Properties>
std::vector<Properties> listed(const Library& library, VkInstance instance, VkPhysicalDevice device,
                               const char* function) {
  using List = VkResult(VKAPI_PTR*)(VkPhysicalDevice, std::uint32_t*, Properties*);
  const auto list = reinterpret_cast<List>(library.GetInstanceProcAddr(instance, function));
  if (list == nullptr) return {};
  std::uint32_t count = 0;
  if (list(device, &count, nullptr) < 0) return {};
  std::vector<Properties> all(count);
  if (list(device, &count, all.data()) < 0) return {};
  all.resize(count);
  return all;
}

}  // namespace tepui::vulkan
