// SPDX-License-Identifier: MIT
// VK_NV_cooperative_matrix2: matrices that a whole workgroup holds, of sides that the program
// chooses. What is needed of it stands here by the numbers of its specification, as in
// matrix_units.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "backend/vulkan/api.h"

namespace tepui::vulkan {

constexpr const char* kWorkgroupExtension = "VK_NV_cooperative_matrix2";
constexpr const char* kWorkgroupShader = "linear_workgroup";

// What a workgroup computes at once: results [m, n], k products deep a step.
struct WorkgroupTile {
  std::uint32_t m = 0;
  std::uint32_t n = 0;
  std::uint32_t k = 0;
  std::uint32_t lanes = 0;
};

// VkCooperativeMatrixFlexibleDimensionsPropertiesNV: sides are multiples of these.
struct FlexibleProperties {
  VkStructureType type = static_cast<VkStructureType>(1000593001);
  void* next = nullptr;
  std::uint32_t m = 0, n = 0, k = 0;
  std::int32_t a = 0, b = 0, c = 0, result = 0;  // VkComponentTypeKHR
  VkBool32 saturating = VK_FALSE;
  std::int32_t scope = 0;  // VkScopeKHR
  std::uint32_t lanes = 0;
};

// VkPhysicalDeviceCooperativeMatrix2FeaturesNV
struct WorkgroupFeatures {
  VkStructureType type = static_cast<VkStructureType>(1000593000);
  void* next = nullptr;
  VkBool32 workgroup_scope = VK_FALSE;
  VkBool32 flexible_dimensions = VK_FALSE;
  VkBool32 reductions = VK_FALSE;
  VkBool32 conversions = VK_FALSE;
  VkBool32 per_element = VK_FALSE;
  VkBool32 tensor_addressing = VK_FALSE;
  VkBool32 block_loads = VK_FALSE;

  // Those that the kernel needs.
  static WorkgroupFeatures needed();
  bool enough() const;
};

// The tile that the kernel would take on a device that names the extension; none: it cannot run.
std::optional<WorkgroupTile> workgroup_tile(const Library& library, VkInstance instance,
                                            const InstanceApi& api, VkPhysicalDevice device);

// Of halves with f32 sums for a workgroup of at most `most_lanes`, the one with the most lanes.
std::optional<WorkgroupTile> choose_workgroup_tile(std::span<const FlexibleProperties> offered,
                                                   std::uint32_t most_lanes);

}  // namespace tepui::vulkan
