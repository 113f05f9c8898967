// SPDX-License-Identifier: MIT
#include "backend/vulkan/timer.h"

#include "base/assert.h"

namespace tepui::vulkan {

Result<std::unique_ptr<Timer>> Timer::make(Device& device, std::uint32_t marks) {
  if (device.physical().timestamp_bits == 0)
    return fail(ErrorKind::unsupported, "vulkan: {} has no clock for its compute queue",
                device.physical().name);
  std::unique_ptr<Timer> timer(new Timer(device, marks));
  VkQueryPoolCreateInfo info{};
  info.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = marks;
  TEPUI_TRY(check(device.api().CreateQueryPool(device.handle(), &info, nullptr, &timer->pool_),
                  "a query pool"));
  return timer;
}

Timer::~Timer() {
  if (pool_ != VK_NULL_HANDLE) device_.api().DestroyQueryPool(device_.handle(), pool_, nullptr);
}

void Timer::start(VkCommandBuffer commands) {
  device_.api().CmdResetQueryPool(commands, pool_, 0, room_);
  marks_ = 0;
  mark(commands);
}

void Timer::mark(VkCommandBuffer commands) {
  TEPUI_ASSERT(marks_ < room_);
  device_.queue().barrier(commands);
  device_.api().CmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool_, marks_++);
}

Result<std::vector<double>> Timer::read() const {
  std::vector<std::uint64_t> ticks(marks_);
  TEPUI_TRY(
      check(device_.api().GetQueryPoolResults(
                device_.handle(), pool_, 0, marks_, ticks.size() * sizeof(ticks[0]), ticks.data(),
                sizeof(ticks[0]), VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
            "reading the device's clock"));
  const std::uint32_t bits = device_.physical().timestamp_bits;
  const std::uint64_t mask = bits >= 64 ? UINT64_MAX : (std::uint64_t{1} << bits) - 1;
  const double second = 1e-9 * static_cast<double>(device_.physical().limits.timestampPeriod);
  std::vector<double> seconds;
  for (std::size_t i = 1; i < ticks.size(); ++i)
    seconds.push_back(second * static_cast<double>((ticks[i] - ticks[i - 1]) & mask));
  return seconds;
}

}  // namespace tepui::vulkan
