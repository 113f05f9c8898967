// SPDX-License-Identifier: MIT
// A logical device with its functions and queues: one for all that is computed, and for loading
// weights beside it a second that packs and one that copies, where the device has them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "backend/vulkan/context.h"
#include "backend/vulkan/queue.h"

namespace tepui::vulkan {

class Device {
 public:
  // `use`: with these of its matrix units, which it must have.
  static Result<std::unique_ptr<Device>> make(std::shared_ptr<const Context> context,
                                              std::size_t index, MatrixUse use);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const DeviceApi& api() const { return api_; }
  VkDevice handle() const { return device_; }
  const PhysicalDevice& physical() const { return context_->devices()[index_]; }

  Queue& queue() const { return *queue_; }
  // Others for a second thread: of a queue that computes beside queue()'s, and of one that copies.
  // Where the device has too few they share.
  Result<std::unique_ptr<Queue>> make_second_queue() const {
    return Queue::make(api_, device_, second_, submitting_);
  }
  Result<std::unique_ptr<Queue>> make_transfer_queue() const {
    return Queue::make(api_, device_, transfers_, submitting_);
  }
  // The families whose queues use a buffer.
  std::vector<std::uint32_t> families() const;

  // The memory types that host memory at this address can be imported as; 0: it cannot be.
  std::uint32_t import_types(const void* address) const;

  // For tests: changes the functions of devices that are made from now on; none: the driver's own.
  static void change_functions(std::function<void(DeviceApi&)> change);

 private:
  Device(std::shared_ptr<const Context> context, std::size_t index)
      : context_(std::move(context)), index_(index) {}
  Status create(MatrixUse use);
  void get_queues();

  std::shared_ptr<const Context> context_;
  std::size_t index_;
  VkDevice device_ = VK_NULL_HANDLE;
  DeviceApi api_;
  PFN_vkGetMemoryHostPointerPropertiesEXT host_pointer_properties_ = nullptr;
  mutable std::mutex submitting_;
  DeviceQueue first_;
  DeviceQueue second_;
  DeviceQueue transfers_;
  std::unique_ptr<Queue> queue_;
};

}  // namespace tepui::vulkan
