// SPDX-License-Identifier: MIT
// A logical device with one queue for everything, its functions and the timeline that counts what
// was submitted to it. Submissions run in order, each with all memory of the earlier ones visible.
#pragma once

#include <functional>
#include <memory>

#include "backend/vulkan/context.h"

namespace tepui::vulkan {

class Device {
 public:
  static Result<std::unique_ptr<Device>> make(std::shared_ptr<const Context> context,
                                              std::size_t index);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const DeviceApi& api() const { return api_; }
  VkDevice handle() const { return device_; }
  const PhysicalDevice& physical() const { return context_->devices()[index_]; }

  // Records commands into a fresh buffer behind a full barrier and submits it; the timeline reaches
  // `value`, which must exceed all earlier ones, when they are done.
  Status submit(std::uint64_t value, const std::function<void(VkCommandBuffer)>& record);
  Status wait(std::uint64_t value);
  std::uint64_t last_submitted() const { return last_; }

  // The memory types that host memory at this address can be imported as; 0: it cannot be.
  std::uint32_t import_types(const void* address) const;

  // Everything before is visible to everything behind.
  void barrier(VkCommandBuffer commands) const;

 private:
  Device(std::shared_ptr<const Context> context, std::size_t index)
      : context_(std::move(context)), index_(index) {}
  Status create();
  Status create_objects();
  Result<VkCommandBuffer> commands();

  std::shared_ptr<const Context> context_;
  std::size_t index_;
  VkDevice device_ = VK_NULL_HANDLE;
  DeviceApi api_;
  PFN_vkGetMemoryHostPointerPropertiesEXT host_pointer_properties_ = nullptr;
  VkQueue queue_ = VK_NULL_HANDLE;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkSemaphore timeline_ = VK_NULL_HANDLE;
  std::uint64_t last_ = 0;
  struct InFlight {
    std::uint64_t value = 0;
    VkCommandBuffer commands = VK_NULL_HANDLE;
  };
  std::vector<InFlight> buffers_;  // all that were ever made; free ones have a value that is past
};

}  // namespace tepui::vulkan
