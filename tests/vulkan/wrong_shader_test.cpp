// SPDX-License-Identifier: MIT
// A shader that computes something else is found at its step: instructions of its SPIR-V are
// exchanged for others, and the verification names the op.
#include <gtest/gtest.h>

#include <algorithm>

#include "backend/registry.h"
#include "backend/vulkan/shader_library.h"
#include "study/verify_report.h"
#include "support/verify_model.h"

namespace tepui::test {
namespace {

using vulkan::ShaderLibrary;

// SPIR-V's numbers of instructions that take two operands of one type.
constexpr std::uint32_t kAdd = 129;
constexpr std::uint32_t kMultiply = 133;

// Exchanges every such instruction; how many there were.
int exchange(std::vector<std::uint32_t>& words, std::uint32_t from, std::uint32_t to) {
  constexpr std::size_t kHeader = 5;
  int count = 0;
  for (std::size_t i = kHeader; i < words.size(); i += words[i] >> 16) {
    if ((words[i] & 0xffff) != from) continue;
    words[i] = (words[i] & 0xffff0000) | to;
    ++count;
  }
  return count;
}

class WrongShader {
 public:
  WrongShader(const std::string& shader, std::uint32_t from, std::uint32_t to) : shader_(shader) {
    const auto code = ShaderLibrary::words(shader);
    std::vector<std::uint32_t> words(code.begin(), code.end());
    EXPECT_GT(exchange(words, from, to), 0) << shader;
    ShaderLibrary::replace(shader, words);
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
    std::uint32_t from, to;
    std::string value;  // the first that the shader computes in a block
  };
  for (const Case& c :
       {Case{"rope", kMultiply, kAdd, "q"}, Case{"act_mul", kMultiply, kAdd, "mlp_act"}}) {
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
