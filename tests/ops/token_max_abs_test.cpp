// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

TEST(TokenMaxAbs, Agrees) {
  for (const SelectInput& input : select_inputs()) {
    check_op({.op = OpCode::token_max_abs,
              .in = {input.x()},
              .params = ParamBytes(ReduceParams{input.rows(), input.dim, 0})});
  }
}

TEST(TokenMaxAbs, Definition) {
  const OpData data =
      make_data({.op = OpCode::token_max_abs,
                 .in = {exact(DType::f32, {3, 3}, {1, -4, 4, 0, -0.0, 0, INFINITY, 1, NAN})},
                 .params = ParamBytes(ReduceParams{3, 3, 0})});
  const Outputs out = run_reference(data);
  EXPECT_EQ(output<float>(out, 0)[0], -4);
  EXPECT_EQ(output<float>(out, 0)[1], 0);
  EXPECT_TRUE(std::isnan(output<float>(out, 0)[2]));
  EXPECT_EQ(output<std::uint32_t>(out, 1), (std::vector<std::uint32_t>{1, 0, 2}));
}

}  // namespace
}  // namespace tepui::test
