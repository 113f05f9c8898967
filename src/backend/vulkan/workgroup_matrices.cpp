// SPDX-License-Identifier: MIT
#include "backend/vulkan/workgroup_matrices.h"

#include "backend/vulkan/listed.h"

namespace tepui::vulkan {
namespace {

constexpr std::int32_t kOfHalves = 0;  // VK_COMPONENT_TYPE_FLOAT16_KHR
constexpr std::int32_t kOfFloats = 1;  // VK_COMPONENT_TYPE_FLOAT32_KHR
constexpr std::int32_t kOfWorkgroup = 2;

// Two sums a result: 128 registers of 256 lanes. Its columns divide a panel's.
constexpr WorkgroupTile kTile{128, 128, 32, 0};

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
  const auto offered = listed<FlexibleProperties>(
      library, instance, device,
      "vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV");
  return choose_workgroup_tile(offered,
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
