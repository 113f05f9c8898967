// SPDX-License-Identifier: MIT
// How many queries share a tile of keys, and how much of it is read at once, changes no bit: the
// tiles of a GPU beside those of one with 16 KiB of shared memory and of a software device.
#include <fmt/format.h>
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

  enum class Device { software, small_memory, gpu };

  static Outputs run(const OpData& data, Device kind) {
    vulkan::Context::change_devices([=](vulkan::PhysicalDevice& device) {
      device.type = kind == Device::software ? VK_PHYSICAL_DEVICE_TYPE_CPU
                                             : VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
      if (kind == Device::small_memory) device.limits.maxComputeSharedMemorySize = 16384;
    });
    const auto backend = make_backend("vulkan", {});
    EXPECT_TRUE(backend) << backend.error().message;
    return run_backend(**backend, data);
  }

  // The large tiles agree with the definition, and all tiles with each other to the bit.
  static void check(const OpData& data) {
    const Outputs gpu = run(data, Device::gpu);
    EXPECT_EQ(compare(data, run_reference(data), gpu), "");
    EXPECT_EQ(compare_bits(run(data, Device::software), gpu), "");
    EXPECT_EQ(compare_bits(run(data, Device::small_memory), gpu), "");
  }

  // One row of each of two sequences, which sees `keys` and 1 keys of a cache.
  static OpData last_rows(AttentionParams p, uint keys) {
    p.cached = keys + 1;
    p.form = TEPUI_ATTEND_ROWS;
    const std::int64_t q = std::int64_t{p.heads} * p.head_dim;
    const std::int64_t kv = std::int64_t{p.kv_heads} * p.head_dim;
    const double end = keys;
    return make_data({.op = OpCode::attention,
                      .in = {f32({2, q}, Fill::normal), f32({keys + 1, kv}, Fill::normal),
                             f32({keys + 1, kv}, Fill::massive),
                             exact(DType::i32, {3, 3}, {0, 1, 2, 0, end, 0, end, end + 1, 0}),
                             absent(), absent()},
                      .params = ParamBytes(p)});
  }
};

// Three query heads to a key head, ten rows to a tile: sequences that fill none, one and several.
TEST_F(AttentionTiles, GiveTheBitsOfSmallOnes) {
  for (const uint window : {0U, 70U}) {
    AttentionParams p{150, 6, 2, 16, 3, 0.25F};
    p.window = window;
    check(
        make_data({.op = OpCode::attention,
                   .in = {f32({150, 96}, Fill::normal), f32({150, 32}, Fill::normal),
                          f32({150, 32}, Fill::massive), i32({0, 5, 22, 150}), absent(), absent()},
                   .params = ParamBytes(p)}));
  }
}

// Heads of all widths that have a tile of their own, and some whose rows no vector may read.
TEST_F(AttentionTiles, OfWideHeads) {
  for (const uint dim : {66U, 128U, 200U, 321U}) {
    SCOPED_TRACE(dim);
    check(make_data({.op = OpCode::attention,
                     .in = {f32({70, 2 * dim}, Fill::normal), f32({70, dim}, Fill::normal),
                            f32({70, dim}, Fill::massive), i32({0, 3, 70}), absent(), absent()},
                     .params = ParamBytes(AttentionParams{70, 2, 1, dim, 2, 0.125F})}));
  }
}

// As when a text is continued: one query to a key head, or a few.
TEST_F(AttentionTiles, OfOneRow) {
  struct Heads {
    uint count, dim;
  };
  for (const Heads heads : {Heads{2, 33}, {2, 64}, {10, 64}, {2, 512}}) {
    for (const uint window : {0U, 70U}) {
      SCOPED_TRACE(fmt::format("{} heads of {}, window {}", heads.count, heads.dim, window));
      AttentionParams p{2, heads.count, 2, heads.dim, 2, 0.25F};
      p.window = window;
      check(last_rows(p, 200));
    }
  }
}

}  // namespace
}  // namespace tepui::test
