// SPDX-License-Identifier: MIT
// Vulkan, loaded at run time: nothing is linked, so that a machine without the loader library or a
// driver still runs the CPU backend. Functions are members named without their vk.
#pragma once

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include <memory>

#include "tepui/result.h"

namespace tepui::vulkan {

#define TEPUI_VK_GLOBAL(X) X(CreateInstance) X(EnumerateInstanceVersion)
#define TEPUI_VK_INSTANCE(X)                \
  X(DestroyInstance)                        \
  X(EnumeratePhysicalDevices)               \
  X(GetPhysicalDeviceProperties2)           \
  X(GetPhysicalDeviceFeatures2)             \
  X(GetPhysicalDeviceMemoryProperties)      \
  X(GetPhysicalDeviceQueueFamilyProperties) \
  X(EnumerateDeviceExtensionProperties)     \
  X(CreateDevice)                           \
  X(GetDeviceProcAddr)
#define TEPUI_VK_DEVICE(X)       \
  X(DestroyDevice)               \
  X(GetDeviceQueue)              \
  X(DeviceWaitIdle)              \
  X(AllocateMemory)              \
  X(FreeMemory)                  \
  X(MapMemory)                   \
  X(CreateBuffer)                \
  X(DestroyBuffer)               \
  X(BindBufferMemory)            \
  X(GetBufferMemoryRequirements) \
  X(GetBufferDeviceAddress)      \
  X(CreateShaderModule)          \
  X(DestroyShaderModule)         \
  X(CreatePipelineLayout)        \
  X(DestroyPipelineLayout)       \
  X(CreatePipelineCache)         \
  X(DestroyPipelineCache)        \
  X(GetPipelineCacheData)        \
  X(CreateComputePipelines)      \
  X(DestroyPipeline)             \
  X(CreateCommandPool)           \
  X(DestroyCommandPool)          \
  X(AllocateCommandBuffers)      \
  X(BeginCommandBuffer)          \
  X(EndCommandBuffer)            \
  X(CmdBindPipeline)             \
  X(CmdPushConstants)            \
  X(CmdDispatch)                 \
  X(CmdPipelineBarrier)          \
  X(CmdCopyBuffer)               \
  X(CmdFillBuffer)               \
  X(CmdResetQueryPool)           \
  X(CmdWriteTimestamp)           \
  X(CreateQueryPool)             \
  X(DestroyQueryPool)            \
  X(GetQueryPoolResults)         \
  X(QueueSubmit)                 \
  X(CreateSemaphore)             \
  X(DestroySemaphore)            \
  X(WaitSemaphores)              \
  X(GetSemaphoreCounterValue)

#define TEPUI_VK_MEMBER(name) PFN_vk##name name = nullptr;

// The loader library with the functions that need no instance.
struct Library {
  ~Library();
  void* handle = nullptr;
  PFN_vkGetInstanceProcAddr GetInstanceProcAddr = nullptr;
  TEPUI_VK_GLOBAL(TEPUI_VK_MEMBER)
};
Result<std::unique_ptr<Library>> load_library();

struct InstanceApi {
  TEPUI_VK_INSTANCE(TEPUI_VK_MEMBER)
};
Status load_instance(const Library& library, VkInstance instance, InstanceApi& api);

struct DeviceApi {
  TEPUI_VK_DEVICE(TEPUI_VK_MEMBER)
};
Status load_device(const InstanceApi& instance, VkDevice device, DeviceApi& api);

#undef TEPUI_VK_MEMBER

// What a failed call means to its reader; ends without a full stop.
std::string result_text(VkResult result);
inline Status check(VkResult result, const char* what) {
  if (result >= 0) return {};
  return fail(ErrorKind::unsupported, "vulkan: {}: {}", what, result_text(result));
}

}  // namespace tepui::vulkan
