// SPDX-License-Identifier: MIT
#include "backend/vulkan/device.h"

#include <algorithm>

namespace tepui::vulkan {
namespace {

// Of the family that computes: one more to pack, and one to copy where no other family does.
std::uint32_t queues_taken(const PhysicalDevice& device) {
  return std::min(device.queue_count, device.transfer_family ? 2U : 3U);
}

std::function<void(DeviceApi&)>& changed_functions() {
  static std::function<void(DeviceApi&)> change;
  return change;
}

}  // namespace

void Device::change_functions(std::function<void(DeviceApi&)> change) {
  changed_functions() = std::move(change);
}

Result<std::unique_ptr<Device>> Device::make(std::shared_ptr<const Context> context,
                                             std::size_t index, MatrixUse use) {
  std::unique_ptr<Device> device(new Device(std::move(context), index));
  TEPUI_TRY(device->create(use));
  return device;
}

Device::~Device() {
  if (device_ == VK_NULL_HANDLE) return;
  if (api_.DeviceWaitIdle != nullptr) api_.DeviceWaitIdle(device_);
  queue_.reset();
  if (api_.DestroyDevice != nullptr) api_.DestroyDevice(device_, nullptr);
}

Status Device::create(MatrixUse use) {
  VkPhysicalDeviceVulkan12Features v12{};
  v12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
  v12.bufferDeviceAddress = VK_TRUE;
  v12.timelineSemaphore = VK_TRUE;
  v12.scalarBlockLayout = VK_TRUE;
  VkPhysicalDeviceVulkan11Features v11{};
  v11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES;
  v11.storageBuffer16BitAccess = VK_TRUE;
  v11.pNext = &v12;
  MatrixFeatures matrix_features;
  WorkgroupFeatures workgroup_features = WorkgroupFeatures::needed();
  if (use == MatrixUse::workgroups) matrix_features.next = &workgroup_features;
  if (use != MatrixUse::none) {
    matrix_features.matrices = VK_TRUE;
    v12.shaderFloat16 = VK_TRUE;
    v12.vulkanMemoryModel = VK_TRUE;
    v12.pNext = &matrix_features;
  }
  const std::array<float, 3> priorities{1, 1, 1};
  std::array<VkDeviceQueueCreateInfo, 2> queues{};
  for (VkDeviceQueueCreateInfo& queue : queues) {
    queue.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO;
    queue.queueCount = 1;
    queue.pQueuePriorities = priorities.data();
  }
  queues[0].queueFamilyIndex = physical().queue_family;
  queues[0].queueCount = queues_taken(physical());
  queues[1].queueFamilyIndex = physical().transfer_family.value_or(0);
  VkDeviceCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO;
  info.pNext = &v11;
  info.queueCreateInfoCount = physical().transfer_family ? 2 : 1;
  info.pQueueCreateInfos = queues.data();
  std::vector<const char*> extensions;
  if (physical().adopts_host_memory())
    extensions.push_back(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  if (use != MatrixUse::none) extensions.push_back(kMatrixExtension);
  if (use == MatrixUse::workgroups) extensions.push_back(kWorkgroupExtension);
  info.enabledExtensionCount = static_cast<std::uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  TEPUI_TRY(check(context_->api().CreateDevice(physical().handle, &info, nullptr, &device_),
                  "creating a device"));
  TEPUI_TRY(load_device(context_->api(), device_, api_));
  if (physical().adopts_host_memory()) {
    host_pointer_properties_ = reinterpret_cast<PFN_vkGetMemoryHostPointerPropertiesEXT>(
        context_->api().GetDeviceProcAddr(device_, "vkGetMemoryHostPointerPropertiesEXT"));
  }
  if (changed_functions()) changed_functions()(api_);
  get_queues();
  TEPUI_TRY(queue_, Queue::make(api_, device_, first_, submitting_));
  return {};
}

void Device::get_queues() {
  const auto get = [&](std::uint32_t family, std::uint32_t index, bool computes) {
    DeviceQueue queue{VK_NULL_HANDLE, family, computes};
    api_.GetDeviceQueue(device_, family, index, &queue.handle);
    return queue;
  };
  const std::uint32_t last = queues_taken(physical()) - 1;
  first_ = get(physical().queue_family, 0, true);
  second_ = get(physical().queue_family, std::min(1U, last), true);
  transfers_ = physical().transfer_family ? get(*physical().transfer_family, 0, false)
                                          : get(physical().queue_family, last, true);
}

std::vector<std::uint32_t> Device::families() const {
  std::vector<std::uint32_t> all{physical().queue_family};
  if (physical().transfer_family) all.push_back(*physical().transfer_family);
  return all;
}

std::uint32_t Device::import_types(const void* address) const {
  if (host_pointer_properties_ == nullptr) return 0;
  VkMemoryHostPointerPropertiesEXT properties{};
  properties.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT;
  const VkResult asked = host_pointer_properties_(
      device_, VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT, address, &properties);
  return asked < 0 ? 0 : properties.memoryTypeBits;
}

}  // namespace tepui::vulkan
