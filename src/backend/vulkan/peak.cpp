// SPDX-License-Identifier: MIT
#include "backend/vulkan/peak.h"

#include <algorithm>
#include <cstring>

#include "backend/vulkan/recorder.h"
#include "backend/vulkan/timer.h"

namespace tepui::vulkan {
namespace {

constexpr std::uint32_t kPeakLanes = 256;
constexpr std::uint32_t kFmaPerRound = 16;
constexpr int kRuns = 7;

struct Kernel {
  const char* shader;
  std::uint32_t count;
  std::uint64_t groups;
};

// The median over some runs, in seconds.
Result<double> time_kernel(Device& device, ShaderLibrary& shaders, const Kernel& kernel,
                           const Range& x, const Range& y, std::uint64_t& issued) {
  TEPUI_TRY(const auto timer, Timer::make(device, 2));
  TEPUI_TRY(const VkPipeline pipeline, shaders.pipeline(kernel.shader, {kPeakLanes, 0, 0, 0}));
  PushBlock push;
  push.addresses[0] = x.address();
  push.addresses[1] = y.address();
  std::memcpy(push.params.data(), &kernel.count, sizeof(kernel.count));
  std::vector<double> times;
  for (int run = 0; run <= kRuns; ++run) {
    TEPUI_TRY(device.queue().submit(++issued, Queue::Work::program, [&](VkCommandBuffer commands) {
      Recorder recorder(device, shaders.layout(), commands);
      timer->start(commands);
      recorder.dispatch(pipeline, push, kernel.groups, {}, {});
      timer->mark(commands);
    }));
    TEPUI_TRY(device.queue().wait(issued));
    TEPUI_TRY(const std::vector<double> seconds, timer->read());
    if (run > 0) times.push_back(seconds.front());  // the first warms up
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

}  // namespace

Result<Peak> measure_peak(const std::shared_ptr<Device>& device, ShaderLibrary& shaders,
                          std::uint64_t& issued) {
  // A software device needs less work to show its rate.
  const bool small = device->physical().software();
  const std::size_t bytes = std::size_t{1} << (small ? 26 : 29);
  const auto pool = std::make_shared<MemoryPool>(device, Memory::device);
  TEPUI_TRY(const Range x, pool->take(bytes));
  const PooledStorage keep_x(pool, x);
  TEPUI_TRY(const Range y, pool->take(bytes));
  const PooledStorage keep_y(pool, y);
  const auto vectors = static_cast<std::uint32_t>(bytes / 16);
  const Kernel copy{"peak.copy", vectors, vectors / kPeakLanes};
  const Kernel fma{"peak.fma", small ? 256U : 4096U, small ? 64U : 16384U};
  Peak peak;
  TEPUI_TRY(const double copied, time_kernel(*device, shaders, copy, x, y, issued));
  peak.bytes = 2.0 * static_cast<double>(bytes) / copied;
  TEPUI_TRY(const double multiplied, time_kernel(*device, shaders, fma, x, y, issued));
  peak.flops =
      2.0 * kFmaPerRound * fma.count * static_cast<double>(fma.groups * kPeakLanes) / multiplied;
  return peak;
}

}  // namespace tepui::vulkan
