// SPDX-License-Identifier: MIT
// VK_KHR_cooperative_matrix: what a device offers of it, and which of that the matrix tier of
// `linear` takes. Headers of Vulkan 1.3.239 do not know the extension; what is needed of it stands
// here, by the numbers of its specification.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/vulkan/workgroup_matrices.h"

namespace tepui::vulkan {

constexpr const char* kMatrixExtension = "VK_KHR_cooperative_matrix";
constexpr const char* kMatrixShader = "linear_matrix";
constexpr const char* kExpertMatrixShader = "expert_matrix";

// A product of matrices [M, K] and [K, N] of halves, summed in f32, by the lanes of a subgroup.
struct MatrixShape {
  std::uint32_t m = 0;
  std::uint32_t n = 0;
  std::uint32_t k = 0;
};

// Bytes of shared memory that tiles of shaders/matrix/expert_matrix.comp take, the most of any.
std::uint32_t small_tiles_shared(const MatrixShape& shape);
std::uint32_t large_tile_shared(const MatrixShape& shape);

struct MatrixUnits {
  bool khr = false;
  bool nv = false;                         // VK_NV_cooperative_matrix2
  std::optional<MatrixShape> shape;        // that the tier would take; none: it cannot run
  std::optional<WorkgroupTile> workgroup;  // likewise, for f16 weights
};

// What linear layers take.
enum class MatrixUse : std::uint8_t {
  none,        // multiply-adds in f32
  subgroups,   // matrices of subgroups
  workgroups,  // matrices of workgroups where weights are f16, else of subgroups
};

// VkCooperativeMatrixPropertiesKHR
struct MatrixProperties {
  VkStructureType type = static_cast<VkStructureType>(1000506001);
  void* next = nullptr;
  std::uint32_t m = 0, n = 0, k = 0;
  std::int32_t a = 0, b = 0, c = 0, result = 0;  // VkComponentTypeKHR
  VkBool32 saturating = VK_FALSE;
  std::int32_t scope = 0;  // VkScopeKHR
};

// VkPhysicalDeviceCooperativeMatrixFeaturesKHR
struct MatrixFeatures {
  VkStructureType type = static_cast<VkStructureType>(1000506000);
  void* next = nullptr;
  VkBool32 matrices = VK_FALSE;
  VkBool32 robust_access = VK_FALSE;
};

std::vector<MatrixProperties> matrix_properties(const Library& library, VkInstance instance,
                                                VkPhysicalDevice device);
bool has_matrix_features(const InstanceApi& api, VkPhysicalDevice device);

// Of halves with f32 sums for a subgroup, the largest whose sides are 8 or 16 and no longer than
// the subgroup, for whose tiles there is shared memory.
std::optional<MatrixShape> choose_matrix_shape(std::span<const MatrixProperties> offered,
                                               std::uint32_t subgroup, std::uint32_t shared);

// What TEPUI_VULKAN_MATRIX asks for: 0, 1 or workgroup. Without it matrices of subgroups, where the
// device and the build have what they take and the device is no software. An error where it asks in
// vain, or for another value.
Result<MatrixUse> matrices_wanted(const MatrixUnits& units, bool software);

// What a reader of the list of devices should know of it.
std::string describe(const MatrixUnits& units);

}  // namespace tepui::vulkan
