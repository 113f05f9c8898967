// SPDX-License-Identifier: MIT
// The embedded shaders and the pipelines made of them: one layout for all (push constants only, no
// descriptors), one pipeline per shader and set of specialization constants, made when first asked
// for and kept.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/vulkan/pipeline_cache.h"

namespace tepui::vulkan {

// Constant i of a shader; 0 is the number of lanes of a workgroup.
using Constants = std::array<std::uint32_t, 7>;

constexpr std::size_t kSlots = 6;

// Push constants: where the addresses, the parameters and the scratch address stand (common.glsl).
struct PushBlock {
  std::array<std::uint64_t, kSlots> addresses{};
  std::array<std::byte, 72> params{};
  std::uint64_t scratch = 0;
};
static_assert(sizeof(PushBlock) == 128);

class ShaderLibrary {
 public:
  static Result<std::unique_ptr<ShaderLibrary>> make(Device& device);
  ~ShaderLibrary();
  ShaderLibrary(const ShaderLibrary&) = delete;
  ShaderLibrary& operator=(const ShaderLibrary&) = delete;

  // From any thread.
  Result<VkPipeline> pipeline(const std::string& shader, const Constants& constants);
  VkPipelineLayout layout() const { return layout_; }

  static bool has(std::string_view shader);
  static std::vector<std::string_view> names();
  static std::span<const std::uint32_t> words(std::string_view shader);
  // For tests: pipelines made from now on use this code; none: the embedded one again.
  static void replace(const std::string& shader, std::vector<std::uint32_t> words);

 private:
  explicit ShaderLibrary(Device& device) : device_(device) {}

  Device& device_;
  std::unique_ptr<PipelineCache> cache_;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  std::mutex making_;
  std::map<std::pair<std::string, Constants>, VkPipeline> pipelines_;
};

}  // namespace tepui::vulkan
