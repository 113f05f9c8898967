// SPDX-License-Identifier: MIT
// How many queries share a tile of keys changes no bit: the tiles of a GPU beside the small ones of
// a software device.
#include <gtest/gtest.h>

#include <algorithm>

#include "backend/registry.h"
#include "backend/vulkan/context.h"
#include "support/op_harness.h"

namespace tepui::test {
namespace {

class AttentionTiles : public testing::Test {
 protected:
  void SetUp() override {
    if (std::ranges::count(backend_names(), "vulkan") == 0)
      GTEST_SKIP() << "no Vulkan device on this machine";
  }
  void TearDown() override { vulkan::Context::change_devices(nullptr); }

  static Outputs run(const OpData& data, VkPhysicalDeviceType type) {
    vulkan::Context::change_devices([=](vulkan::PhysicalDevice& device) { device.type = type; });
    const auto backend = make_backend("vulkan", {});
    EXPECT_TRUE(backend) << backend.error().message;
    return run_backend(**backend, data);
  }
};

// Three query heads to a key head, ten rows to a tile: sequences that fill none, one and several.
TEST_F(AttentionTiles, GiveTheBitsOfSmallOnes) {
  for (const uint window : {0U, 70U}) {
    AttentionParams p{150, 6, 2, 16, 3, 0.25F};
    p.window = window;
    const OpData data =
        make_data({.op = OpCode::attention,
                   .in = {f32({150, 96}, Fill::normal), f32({150, 32}, Fill::normal),
                          f32({150, 32}, Fill::massive), i32({0, 5, 22, 150}), absent(), absent()},
                   .params = ParamBytes(p)});
    const Outputs large = run(data, VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU);
    EXPECT_EQ(compare(data, run_reference(data), large), "");
    EXPECT_EQ(compare_bits(run(data, VK_PHYSICAL_DEVICE_TYPE_CPU), large), "");
  }
}

}  // namespace
}  // namespace tepui::test
