// SPDX-License-Identifier: MIT
#include "backend/vulkan/matrix_units.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "backend/vulkan/listed.h"
#include "backend/vulkan/shader_library.h"

namespace tepui::vulkan {
namespace {

constexpr std::int32_t kHalf = 0;   // VK_COMPONENT_TYPE_FLOAT16_KHR
constexpr std::int32_t kFloat = 1;  // VK_COMPONENT_TYPE_FLOAT32_KHR
constexpr std::int32_t kSubgroup = 3;

bool takes_side(std::uint32_t side) { return side == 8 || side == 16; }
bool has_kernel() { return ShaderLibrary::has(std::string(kMatrixShader) + ".small"); }

}  // namespace

std::vector<MatrixProperties> matrix_properties(const Library& library, VkInstance instance,
                                                VkPhysicalDevice device) {
  return listed<MatrixProperties>(library, instance, device,
                                  "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR");
}

bool has_matrix_features(const InstanceApi& api, VkPhysicalDevice device) {
  MatrixFeatures matrices;
  VkPhysicalDeviceVulkan12Features v12{};
  v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  v12.pNext = &matrices;
  VkPhysicalDeviceFeatures2 features{};
  features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  features.pNext = &v12;
  api.GetPhysicalDeviceFeatures2(device, &features);
  return matrices.matrices != 0 && v12.vulkanMemoryModel != 0;
}

namespace {

// Both terms of x, both of the weights, a matrix of results for each subgroup and, of experts,
// whose rows these are.
std::uint32_t tile_shared(const MatrixShape& shape, std::uint32_t down, std::uint32_t across,
                          std::uint32_t depth, std::uint32_t subgroups) {
  constexpr std::uint32_t kPad = 16;  // bytes behind a line of halves
  const std::uint32_t x = 2 * down * shape.m * (2 * depth + kPad);
  const std::uint32_t w = 2 * depth * (2 * across * shape.n + kPad);
  const std::uint32_t rows = 4 * down * shape.m + 16;
  return x + w + subgroups * shape.m * shape.n * 4 + rows;
}

}  // namespace

std::uint32_t small_tiles_shared(const MatrixShape& shape) {
  return std::max(tile_shared(shape, 4, 4, 32, 4), tile_shared(shape, 1, 2, 128, 2));
}
std::uint32_t large_tile_shared(const MatrixShape& shape) {
  return tile_shared(shape, 8, 8, 32, 8);
}

std::optional<MatrixShape> choose_matrix_shape(std::span<const MatrixProperties> offered,
                                               std::uint32_t subgroup, std::uint32_t shared) {
  std::optional<MatrixShape> best;
  for (const MatrixProperties& one : offered) {
    const bool fits = one.a == kHalf && one.b == kHalf && one.c == kFloat && one.result == kFloat &&
                      one.scope == kSubgroup && takes_side(one.m) && takes_side(one.n) &&
                      takes_side(one.k) && std::max(one.m, one.n) <= subgroup &&
                      small_tiles_shared({one.m, one.n, one.k}) <= shared;
    if (fits && (!best || one.m * one.n * one.k > best->m * best->n * best->k))
      best = MatrixShape{one.m, one.n, one.k};
  }
  return best;
}

Result<MatrixUse> matrices_wanted(const MatrixUnits& units, bool software) {
  const char* const asked = std::getenv("TEPUI_VULKAN_MATRIX");
  const bool of_subgroups = units.shape && has_kernel();
  if (asked == nullptr) return of_subgroups && !software ? MatrixUse::subgroups : MatrixUse::none;
  const std::string_view value = asked;
  if (value == "0") return MatrixUse::none;
  if (value != "1" && value != "workgroup")
    return fail(ErrorKind::usage, "TEPUI_VULKAN_MATRIX: expected 0, 1 or workgroup, found \"{}\"",
                value);
  if (of_subgroups && value == "1") return MatrixUse::subgroups;
  if (of_subgroups && units.workgroup && ShaderLibrary::has(kWorkgroupShader))
    return MatrixUse::workgroups;
  return fail(ErrorKind::unsupported, "TEPUI_VULKAN_MATRIX={}: {}", value, describe(units));
}

namespace {

std::string describe_workgroup(const MatrixUnits& units) {
  if (!units.nv) return "; none of whole workgroups";
  if (!units.workgroup)
    return "; of whole workgroups, but none of halves with f32 sums in tiles that divide "
           "128x128x32";
  const std::string found =
      fmt::format("; of whole workgroups, {}x{}x{} on {} lanes", units.workgroup->m,
                  units.workgroup->n, units.workgroup->k, units.workgroup->lanes);
  if (!ShaderLibrary::has(kWorkgroupShader)) return found + ", no kernel in this build";
  return found + ": with TEPUI_VULKAN_MATRIX=workgroup, for f16 weights";
}

}  // namespace

std::string describe(const MatrixUnits& units) {
  if (!units.khr) return "no cooperative matrices: products run on the ordinary units";
  if (!units.shape)
    return "cooperative matrices, but none of halves with f32 sums for a subgroup in what memory a "
           "workgroup has: products run on the ordinary units";
  const std::string found =
      fmt::format("cooperative matrices {}x{}x{}", units.shape->m, units.shape->n, units.shape->k);
  if (!has_kernel())
    return found + ": this build has no kernel for them (cmake -DTEPUI_MATRIX_GLSLANG=FILE)";
  return found + ": linear layers take them, but not on software nor with TEPUI_VULKAN_MATRIX=0" +
         describe_workgroup(units);
}

}  // namespace tepui::vulkan
