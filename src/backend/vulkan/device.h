// SPDX-License-Identifier: MIT
// A logical device with its functions and one queue for everything.
#pragma once

#include <functional>
#include <memory>

#include "backend/vulkan/context.h"
#include "backend/vulkan/queue.h"

namespace tepui::vulkan {

class Device {
 public:
  // `matrices`: with its matrix units, which it must have.
  static Result<std::unique_ptr<Device>> make(std::shared_ptr<const Context> context,
                                              std::size_t index, bool matrices);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const DeviceApi& api() const { return api_; }
  VkDevice handle() const { return device_; }
  const PhysicalDevice& physical() const { return context_->devices()[index_]; }

  Queue& queue() const { return *queue_; }

  // The memory types that host memory at this address can be imported as; 0: it cannot be.
  std::uint32_t import_types(const void* address) const;

  // For tests: changes the functions of devices that are made from now on; none: the driver's own.
  static void change_functions(std::function<void(DeviceApi&)> change);

 private:
  Device(std::shared_ptr<const Context> context, std::size_t index)
      : context_(std::move(context)), index_(index) {}
  Status create(bool matrices);

  std::shared_ptr<const Context> context_;
  std::size_t index_;
  VkDevice device_ = VK_NULL_HANDLE;
  DeviceApi api_;
  PFN_vkGetMemoryHostPointerPropertiesEXT host_pointer_properties_ = nullptr;
  std::unique_ptr<Queue> queue_;
};

}  // namespace tepui::vulkan
