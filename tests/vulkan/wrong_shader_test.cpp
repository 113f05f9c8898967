// SPDX-License-Identifier: MIT
// A shader that computes something else is found at its step: instructions of its SPIR-V are
// exchanged for others, and the verification names the op.
#include <gtest/gtest.h>

#include <algorithm>

#include "backend/registry.h"
#include "backend/vulkan/shader_library.h"
#include "study/verify_report.h"
#include "support/changed_spirv.h"
#include "support/verify_model.h"

namespace tepui::test {
namespace {

using vulkan::ShaderLibrary;

namespace spirv = vulkan::spirv;

class WrongShader {
 public:
  WrongShader(const std::string& shader, spirv::Op from, spirv::Op to) : shader_(shader) {
    const auto words = exchange(ShaderLibrary::words(shader), from, to);
    EXPECT_TRUE(words) << shader;
    ShaderLibrary::replace(shader, words.value_or(Spirv()));
  }
  ~WrongShader() { ShaderLibrary::replace(shader_, {}); }

 private:
  std::string shader_;
};

TEST(WrongShader, IsFoundAtItsStep) {
  if (std::ranges::count(backend_names(), "vulkan") == 0)
    GTEST_SKIP() << "no Vulkan device on this machine";
  struct Case {
    std::string shader;
    spirv::Op from, to;
    std::string value;  // the first that the shader computes in a block
  };
  for (const Case& c : {Case{"rope", spirv::kFMul, spirv::kFAdd, "q"},
                        Case{"act_mul", spirv::kFMul, spirv::kFAdd, "mlp_act"}}) {
    SCOPED_TRACE(c.shader);
    const WrongShader wrong(c.shader, c.from, c.to);
    const Verification found = verify_tiny(open_backend("vulkan"), open_backend("cpu"));
    ASSERT_TRUE(found.first_deviation);
    EXPECT_EQ(found.first_deviation->op, c.shader);
    EXPECT_EQ(found.first_deviation->value, c.value);
    EXPECT_EQ(found.first_deviation->layer, 0);
    EXPECT_TRUE(found.first_deviation->first_left);
    EXPECT_FALSE(found.first_deviation->second_left);
    for (const VerifiedOp& op : found.ops) EXPECT_EQ(op.deviating > 0, op.op == c.shader) << op.op;
    EXPECT_FALSE(verdict(found));
  }
  EXPECT_TRUE(verify_tiny(open_backend("vulkan"), open_backend("cpu")).agrees());
}

}  // namespace
}  // namespace tepui::test
