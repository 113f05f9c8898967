// SPDX-License-Identifier: MIT
#include "backend/vulkan/shader_library.h"

#include <algorithm>

#include "backend/vulkan/shared_memory.h"

namespace tepui::vulkan {
namespace {

struct Embedded {
  std::string_view name;
  std::span<const std::uint32_t> words;
};

#include <tepui_shaders.inc>

const Embedded* find(std::string_view name) {
  const auto* at = std::ranges::find(kShaders, name, &Embedded::name);
  return at == std::end(kShaders) ? nullptr : at;
}

std::map<std::string, std::vector<std::uint32_t>>& replaced() {
  static std::map<std::string, std::vector<std::uint32_t>> shaders;
  return shaders;
}

}  // namespace

bool ShaderLibrary::has(std::string_view shader) { return find(shader) != nullptr; }

std::vector<std::string_view> ShaderLibrary::names() {
  std::vector<std::string_view> names;
  for (const Embedded& one : kShaders) names.push_back(one.name);
  return names;
}

std::span<const std::uint32_t> ShaderLibrary::words(std::string_view shader) {
  const auto other = replaced().find(std::string(shader));
  if (other != replaced().end()) return other->second;
  const Embedded* embedded = find(shader);
  return embedded == nullptr ? std::span<const std::uint32_t>() : embedded->words;
}

void ShaderLibrary::replace(const std::string& shader, std::vector<std::uint32_t> words) {
  replaced().erase(shader);
  if (!words.empty()) replaced()[shader] = std::move(words);
}

Result<std::unique_ptr<ShaderLibrary>> ShaderLibrary::make(Device& device) {
  std::unique_ptr<ShaderLibrary> library(new ShaderLibrary(device));
  TEPUI_TRY(library->cache_, PipelineCache::make(device));
  VkPushConstantRange range{};
  range.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT;
  range.size = sizeof(PushBlock);
  VkPipelineLayoutCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
  info.pushConstantRangeCount = 1;
  info.pPushConstantRanges = &range;
  TEPUI_TRY(
      check(device.api().CreatePipelineLayout(device.handle(), &info, nullptr, &library->layout_),
            "a pipeline layout"));
  return library;
}

ShaderLibrary::~ShaderLibrary() {
  for (const auto& [key, pipeline] : pipelines_)
    device_.api().DestroyPipeline(device_.handle(), pipeline, nullptr);
  if (layout_ != VK_NULL_HANDLE)
    device_.api().DestroyPipelineLayout(device_.handle(), layout_, nullptr);
}

Result<VkPipeline> ShaderLibrary::pipeline(const std::string& shader, const Constants& constants) {
  const auto key = std::pair(shader, constants);
  const std::lock_guard lock(making_);
  if (const auto found = pipelines_.find(key); found != pipelines_.end()) return found->second;
  const std::span<const std::uint32_t> code = words(shader);
  if (code.empty()) return fail(ErrorKind::unsupported, "vulkan: there is no shader {}", shader);
  const std::uint64_t shared = shared_bytes(code, constants).value_or(0);
  const std::uint32_t most = device_.physical().limits.maxComputeSharedMemorySize;
  if (shared > most)
    return fail(ErrorKind::unsupported,
                "vulkan: shader {} takes {} bytes of shared memory, {} has {}", shader, shared,
                device_.physical().name, most);
  VkShaderModuleCreateInfo module_info{};
  module_info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
  module_info.codeSize = code.size_bytes();
  module_info.pCode = code.data();
  VkShaderModule module = VK_NULL_HANDLE;
  TEPUI_TRY(
      check(device_.api().CreateShaderModule(device_.handle(), &module_info, nullptr, &module),
            "a shader"));
  std::array<VkSpecializationMapEntry, Constants().size()> entries{};
  for (std::uint32_t i = 0; i < entries.size(); ++i)
    entries[i] = {i, i * std::uint32_t{sizeof(std::uint32_t)}, sizeof(std::uint32_t)};
  VkSpecializationInfo special{};
  special.mapEntryCount = static_cast<std::uint32_t>(entries.size());
  special.pMapEntries = entries.data();
  special.dataSize = sizeof(constants);
  special.pData = constants.data();
  VkComputePipelineCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = module;
  info.stage.pName = "main";
  info.stage.pSpecializationInfo = &special;
  info.layout = layout_;
  VkPipeline pipeline = VK_NULL_HANDLE;
  const VkResult made = device_.api().CreateComputePipelines(device_.handle(), cache_->handle(), 1,
                                                             &info, nullptr, &pipeline);
  device_.api().DestroyShaderModule(device_.handle(), module, nullptr);
  if (made < 0)
    return fail(ErrorKind::unsupported, "vulkan: making a pipeline of shader {}: {}", shader,
                result_text(made));
  cache_->added();
  pipelines_[key] = pipeline;
  return pipeline;
}

}  // namespace tepui::vulkan
