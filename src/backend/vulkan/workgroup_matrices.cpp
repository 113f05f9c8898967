// SPDX-License-Identifier: MIT
#include "backend/vulkan/workgroup_matrices.h"

namespace tepui::vulkan {
namespace {

constexpr std::int32_t kOfHalves = 0;  // VK_COMPONENT_TYPE_FLOAT16_KHR
constexpr std::int32_t kOfFloats = 1;  // VK_COMPONENT_TYPE_FLOAT32_KHR
constexpr std::int32_t kOfWorkgroup = 2;

// Three sums a result: 96 registers of 256 lanes. Its columns divide a panel's.
constexpr WorkgroupTile kTile{128, 64, 32, 0};

std::vector<FlexibleProperties> flexible_properties(const Library& library, VkInstance instance,
                                                    VkPhysicalDevice device) {
  using List = VkResult(VKAPI_PTR*)(VkPhysicalDevice, std::uint32_t*, FlexibleProperties*);
  const auto list = reinterpret_cast<List>(library.GetInstanceProcAddr(
      instance, "vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV"));
  if (list == nullptr) return {};  // a loader that does not know it
  std::uint32_t count = 0;
  if (list(device, &count, nullptr) < 0) return {};
  std::vector<FlexibleProperties> all(count);
  if (list(device, &count, all.data()) < 0) return {};
  all.resize(count);
  return all;
}

}  // namespace

WorkgroupFeatures WorkgroupFeatures::needed() {
  WorkgroupFeatures features;
  features.workgroup_scope = VK_TRUE;
  features.flexible_dimensions = VK_TRUE;
  features.per_element = VK_TRUE;
  features.tensor_addressing = VK_TRUE;
  return features;
}

bool WorkgroupFeatures::enough() const {
  return workgroup_scope != 0 && flexible_dimensions != 0 && per_element != 0 &&
         tensor_addressing != 0;
}

std::optional<WorkgroupTile> workgroup_tile(const Library& library, VkInstance instance,
                                            const InstanceApi& api, VkPhysicalDevice device) {
  WorkgroupFeatures matrices;
  VkPhysicalDeviceFeatures2 features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  features.pNext = &matrices;
  api.GetPhysicalDeviceFeatures2(device, &features);
  if (!matrices.enough()) return {};
  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  api.GetPhysicalDeviceProperties2(device, &properties);
  return choose_workgroup_tile(flexible_properties(library, instance, device),
                               properties.properties.limits.maxComputeWorkGroupInvocations);
}

std::optional<WorkgroupTile> choose_workgroup_tile(std::span<const FlexibleProperties> offered,
                                                   std::uint32_t most_lanes) {
  std::optional<WorkgroupTile> best;
  for (const FlexibleProperties& one : offered) {
    if (one.a != kOfHalves || one.b != kOfHalves || one.c != kOfFloats || one.result != kOfFloats ||
        one.saturating != 0 || one.scope != kOfWorkgroup || one.m == 0 || one.n == 0 || one.k == 0)
      continue;
    const bool fits = kTile.m % one.m == 0 && kTile.n % one.n == 0 && kTile.k % one.k == 0 &&
                      one.lanes <= most_lanes;
    if (fits && (!best || one.lanes > best->lanes))
      best = WorkgroupTile{kTile.m, kTile.n, kTile.k, one.lanes};
  }
  return best;
}

}  // namespace tepui::vulkan
