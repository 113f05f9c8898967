// SPDX-License-Identifier: MIT
#include "backend/vulkan/device.h"

namespace tepui::vulkan {

Result<std::unique_ptr<Device>> Device::make(std::shared_ptr<const Context> context,
                                             std::size_t index) {
  std::unique_ptr<Device> device(new Device(std::move(context), index));
  TEPUI_TRY(device->create());
  TEPUI_TRY(device->create_objects());
  return device;
}

Device::~Device() {
  if (device_ == VK_NULL_HANDLE) return;
  if (api_.DeviceWaitIdle != nullptr) api_.DeviceWaitIdle(device_);
  if (timeline_ != VK_NULL_HANDLE) api_.DestroySemaphore(device_, timeline_, nullptr);
  if (pool_ != VK_NULL_HANDLE) api_.DestroyCommandPool(device_, pool_, nullptr);
  if (api_.DestroyDevice != nullptr) api_.DestroyDevice(device_, nullptr);
}

Status Device::create() {
  VkPhysicalDeviceVulkan12Features v12{};
  v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  v12.bufferDeviceAddress = VK_TRUE;
  v12.timelineSemaphore = VK_TRUE;
  v12.scalarBlockLayout = VK_TRUE;
  VkPhysicalDeviceVulkan11Features v11{};
  v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  v11.storageBuffer16BitAccess = VK_TRUE;
  v11.pNext = &v12;
  const float priority = 1;
  VkDeviceQueueCreateInfo queue{};
  queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
  queue.queueFamilyIndex = physical().queue_family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  VkDeviceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.pNext = &v11;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  const char* import = VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME;
  if (physical().adopts_host_memory()) {
    info.enabledExtensionCount = 1;
    info.ppEnabledExtensionNames = &import;
  }
  TEPUI_TRY(check(context_->api().CreateDevice(physical().handle, &info, nullptr, &device_),
                  "creating a device"));
  TEPUI_TRY(load_device(context_->api(), device_, api_));
  if (physical().adopts_host_memory()) {
    host_pointer_properties_ = reinterpret_cast<PFN_vkGetMemoryHostPointerPropertiesEXT>(
        context_->api().GetDeviceProcAddr(device_, "vkGetMemoryHostPointerPropertiesEXT"));
  }
  api_.GetDeviceQueue(device_, physical().queue_family, 0, &queue_);
  return {};
}

Status Device::create_objects() {
  VkCommandPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool.queueFamilyIndex = physical().queue_family;
  TEPUI_TRY(check(api_.CreateCommandPool(device_, &pool, nullptr, &pool_), "a command pool"));
  VkSemaphoreTypeCreateInfo type{};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo semaphore{};
  semaphore.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  semaphore.pNext = &type;
  return check(api_.CreateSemaphore(device_, &semaphore, nullptr, &timeline_), "a timeline");
}

Result<VkCommandBuffer> Device::commands() {
  std::uint64_t done = 0;
  TEPUI_TRY(check(api_.GetSemaphoreCounterValue(device_, timeline_, &done), "the timeline"));
  for (InFlight& one : buffers_) {
    if (one.value > done) continue;
    one.value = UINT64_MAX;  // until it is submitted
    return one.commands;
  }
  VkCommandBufferAllocateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  info.commandPool = pool_;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  TEPUI_TRY(check(api_.AllocateCommandBuffers(device_, &info, &commands), "a command buffer"));
  buffers_.push_back({UINT64_MAX, commands});
  return commands;
}

std::uint32_t Device::import_types(const void* address) const {
  if (host_pointer_properties_ == nullptr) return 0;
  VkMemoryHostPointerPropertiesEXT properties{};
  properties.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT;
  const VkResult asked = host_pointer_properties_(
      device_, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, address, &properties);
  return asked < 0 ? 0 : properties.memoryTypeBits;
}

void Device::barrier(VkCommandBuffer commands) const {
  VkMemoryBarrier memory{};
  memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  memory.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT | VK_ACCESS_MEMORY_READ_BIT;
  memory.dstAccessMask = VK_ACCESS_MEMORY_WRITE_BIT | VK_ACCESS_MEMORY_READ_BIT;
  const VkPipelineStageFlags stages =
      VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  api_.CmdPipelineBarrier(commands, stages, stages | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &memory, 0,
                          nullptr, 0, nullptr);
}

Status Device::submit(std::uint64_t value, const std::function<void(VkCommandBuffer)>& record) {
  TEPUI_TRY(const VkCommandBuffer buffer, commands());
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  TEPUI_TRY(check(api_.BeginCommandBuffer(buffer, &begin), "recording"));
  barrier(buffer);
  record(buffer);
  barrier(buffer);  // to the host, which reads staging memory
  TEPUI_TRY(check(api_.EndCommandBuffer(buffer), "recording"));
  VkTimelineSemaphoreSubmitInfo timeline{};
  timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  timeline.signalSemaphoreValueCount = 1;
  timeline.pSignalSemaphoreValues = &value;
  VkSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.pNext = &timeline;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &buffer;
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &timeline_;
  TEPUI_TRY(check(api_.QueueSubmit(queue_, 1, &info, VK_NULL_HANDLE), "submitting"));
  for (InFlight& one : buffers_) {
    if (one.commands == buffer) one.value = value;
  }
  last_ = value;
  return {};
}

Status Device::wait(std::uint64_t value) {
  VkSemaphoreWaitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
  info.semaphoreCount = 1;
  info.pSemaphores = &timeline_;
  info.pValues = &value;
  return check(api_.WaitSemaphores(device_, &info, UINT64_MAX), "waiting for the device");
}

}  // namespace tepui::vulkan
