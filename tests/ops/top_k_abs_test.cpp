// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

TEST(TopKAbs, Agrees) {
  for (const SelectInput& input : select_inputs()) {
    for (const uint k : {1U, 3U, 10U, 100U}) {
      check_op({.op = OpCode::top_k_abs,
                .in = {input.x(), i32(input.offsets)},
                .params = ParamBytes(SelectParams{input.rows(), input.dim, input.sequences(), k})});
    }
  }
}

TEST(TopKAbs, Definition) {
  const OpData data = make_data(
      {.op = OpCode::top_k_abs,
       .in = {exact(DType::f32, {4, 2}, {2, -5, 5, 1, 7, -INFINITY, NAN, 7}), i32({0, 1, 4, 4})},
       .params = ParamBytes(SelectParams{4, 2, 3, 3})});
  const Outputs out = run_reference(data);
  const auto value = output<float>(out, 0);
  EXPECT_EQ(value[0], -5);
  EXPECT_EQ(value[1], 2);
  EXPECT_EQ(value[2], 0);
  EXPECT_TRUE(std::isnan(value[3]));
  EXPECT_EQ(value[4], -INFINITY);
  EXPECT_EQ(value[5], 7);
  EXPECT_EQ(output<std::uint32_t>(out, 1),
            (std::vector<std::uint32_t>{1, 0, kAbsent, 4, 3, 2, kAbsent, kAbsent, kAbsent}));
}

TEST(TopKAbs, AllEqualGivesTheFirstInOrder) {
  const OpData data =
      make_data({.op = OpCode::top_k_abs,
                 .in = {exact(DType::f32, {2, 3}, {-1, 1, -1, 1, 1, -1}), i32({0, 2})},
                 .params = ParamBytes(SelectParams{2, 3, 1, 4})});
  const Outputs out = run_reference(data);
  EXPECT_EQ(output<float>(out, 0), (std::vector<float>{-1, 1, -1, 1}));
  EXPECT_EQ(output<std::uint32_t>(out, 1), (std::vector<std::uint32_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace tepui::test
