// SPDX-License-Identifier: MIT
// With TEPUI_TEST_DEVICE=least the ops' tests take a software device for a GPU that has the least
// shared memory a device may have, and turn the lanes of every shader.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

#include "backend/vulkan/context.h"
#include "backend/vulkan/shader_library.h"
#include "support/changed_spirv.h"

namespace tepui::test {
namespace {

class LeastDevice : public testing::Environment {
 public:
  void SetUp() override {
    const char* asked = std::getenv("TEPUI_TEST_DEVICE");
    if (asked == nullptr) return;
    ASSERT_EQ(std::string_view(asked), "least");
    vulkan::Context::change_devices([](vulkan::PhysicalDevice& device) {
      device.type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
      device.limits.maxComputeSharedMemorySize = 16384;
    });
    for (const std::string_view name : vulkan::ShaderLibrary::names()) {
      if (auto turned = turn_lanes(vulkan::ShaderLibrary::words(name)))
        vulkan::ShaderLibrary::replace(std::string(name), std::move(*turned));
    }
  }
};

[[maybe_unused]] const testing::Environment* const kLeastDevice =
    testing::AddGlobalTestEnvironment(new LeastDevice);

}  // namespace
}  // namespace tepui::test
