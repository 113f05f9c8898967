// SPDX-License-Identifier: MIT
// The lanes of a workgroup in another order give the same bits, and show a barrier that is missing.
#include <gtest/gtest.h>

#include <algorithm>

#include "backend/registry.h"
#include "backend/vulkan/shader_library.h"
#include "support/changed_spirv.h"
#include "support/op_harness.h"

namespace tepui::test {
namespace {

using vulkan::ShaderLibrary;

class TurnedLanes : public testing::Test {
 protected:
  void SetUp() override {
    if (std::ranges::count(backend_names(), "vulkan") == 0)
      GTEST_SKIP() << "no Vulkan device on this machine";
  }
  void TearDown() override { ShaderLibrary::replace("l2_norm", {}); }

  static Outputs run(const OpData& data, Spirv code) {
    ShaderLibrary::replace("l2_norm", std::move(code));
    const auto backend = make_backend("vulkan", {});
    EXPECT_TRUE(backend) << backend.error().message;
    return run_backend(**backend, data);
  }
};

TEST_F(TurnedLanes, ShowAMissingBarrier) {
  const OpData data = make_data({.op = OpCode::l2_norm,
                                 .in = {f32({3, 500}, Fill::normal)},
                                 .params = ParamBytes(ReduceParams{3, 500, 0})});
  const auto whole = ShaderLibrary::words("l2_norm");
  const auto turned = turn_lanes(whole);
  const auto wrong = turn_lanes(without_barriers(whole));
  ASSERT_TRUE(turned && wrong);
  const Outputs expected = run(data, {});
  EXPECT_EQ(compare_bits(expected, run(data, *turned)), "");
  EXPECT_NE(compare_bits(expected, run(data, *wrong)), "");
}

}  // namespace
}  // namespace tepui::test
