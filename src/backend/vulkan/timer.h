// SPDX-License-Identifier: MIT
// Times of what a command buffer does, from the device's own clock.
#pragma once

#include <memory>
#include <vector>

#include "backend/vulkan/device.h"

namespace tepui::vulkan {

class Timer {
 public:
  // Room for so many marks. Fails where the device's queue has no clock.
  static Result<std::unique_ptr<Timer>> make(Device& device, std::uint32_t marks);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  std::uint32_t room() const { return room_; }
  void start(VkCommandBuffer commands);  // forgets all marks and sets the first
  // Notes when all that was recorded before it is done; it waits for that.
  void mark(VkCommandBuffer commands);
  // The seconds from each mark to the next, once the commands are done.
  Result<std::vector<double>> read() const;

 private:
  Timer(Device& device, std::uint32_t room) : device_(device), room_(room) {}

  Device& device_;
  VkQueryPool pool_ = VK_NULL_HANDLE;
  std::uint32_t room_;
  std::uint32_t marks_ = 0;
};

}  // namespace tepui::vulkan
