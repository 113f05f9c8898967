// SPDX-License-Identifier: MIT
#include "backend/vulkan/peak.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "backend/vulkan/recorder.h"
#include "backend/vulkan/timer.h"

namespace tepui::vulkan {
namespace {

constexpr std::uint32_t kPeakLanes = 256;
constexpr std::uint32_t kFmaPerRound = 16;
constexpr std::uint32_t kSumsPerRound = 8;  // of shaders/matrix/peak_matrix.comp
constexpr int kRuns = 7;
constexpr double kWarmUp = 0.2;  // seconds: a GPU's clock is slow to rise

struct Kernel {
  std::string shader;
  Constants constants;
  std::uint32_t count;
  std::uint64_t groups;
};

// The median over some runs, in seconds.
Result<double> time_kernel(Device& device, ShaderLibrary& shaders, const Kernel& kernel,
                           const Range& x, const Range& y, std::uint64_t& issued) {
  TEPUI_TRY(const auto timer, Timer::make(device, 2));
  TEPUI_TRY(const VkPipeline pipeline, shaders.pipeline(kernel.shader, kernel.constants));
  PushBlock push;
  push.addresses[0] = x.address();
  push.addresses[1] = y.address();
  std::memcpy(push.params.data(), &kernel.count, sizeof(kernel.count));
  std::vector<double> times;
  const auto begin = std::chrono::steady_clock::now();
  while (times.size() < kRuns) {
    const std::chrono::duration<double> since = std::chrono::steady_clock::now() - begin;
    TEPUI_TRY(device.queue().submit(++issued, Queue::Work::program, [&](VkCommandBuffer commands) {
      Recorder recorder(device, shaders.layout(), commands);
      timer->start(commands);
      recorder.dispatch(pipeline, push, kernel.groups, {}, {});
      timer->mark(commands);
    }));
    TEPUI_TRY(device.queue().wait(issued));
    TEPUI_TRY(const std::vector<double> seconds, timer->read());
    if (since.count() >= kWarmUp) times.push_back(seconds.front());
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

}  // namespace

Result<Peak> measure_peak(const std::shared_ptr<Device>& device, ShaderLibrary& shaders,
                          const std::optional<MatrixShape>& matrix, std::uint64_t& issued) {
  // A software device needs less work to show its rate.
  const bool small = device->physical().software();
  const std::size_t bytes = std::size_t{1} << (small ? 26 : 29);
  const auto pool = std::make_shared<MemoryPool>(device, Memory::device);
  TEPUI_TRY(const Range x, pool->take(bytes));
  const PooledStorage keep_x(pool, x);
  TEPUI_TRY(const Range y, pool->take(bytes));
  const PooledStorage keep_y(pool, y);
  const auto vectors = static_cast<std::uint32_t>(bytes / 16);
  const Kernel copy{"peak.copy", {kPeakLanes}, vectors, vectors / kPeakLanes};
  const Kernel fma{"peak.fma", {kPeakLanes}, small ? 256U : 4096U, small ? 64U : 16384U};
  Peak peak;
  TEPUI_TRY(const double copied, time_kernel(*device, shaders, copy, x, y, issued));
  peak.bytes = 2.0 * static_cast<double>(bytes) / copied;
  TEPUI_TRY(const double multiplied, time_kernel(*device, shaders, fma, x, y, issued));
  peak.flops =
      2.0 * kFmaPerRound * fma.count * static_cast<double>(fma.groups * kPeakLanes) / multiplied;
  if (matrix) {
    const std::uint32_t lanes = 4 * device->physical().subgroup;
    const Kernel products{"peak_matrix",
                          {lanes, matrix->m, matrix->n, matrix->k},
                          small ? 16U : 2048U,
                          small ? 16U : 8192U};
    TEPUI_TRY(const double took, time_kernel(*device, shaders, products, x, y, issued));
    const double each = 2.0 * matrix->m * matrix->n * matrix->k * kSumsPerRound * products.count;
    peak.matrix_flops = each * static_cast<double>(products.groups * 4) / took;
  }
  return peak;
}

}  // namespace tepui::vulkan
