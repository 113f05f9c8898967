// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

TEST(MaxAbs, Agrees) {
  for (const SelectInput& input : select_inputs()) {
    check_op({.op = OpCode::max_abs,
              .in = {input.x(), i32(input.offsets)},
              .params = ParamBytes(SelectParams{input.rows(), input.dim, input.sequences(), 1})});
  }
}

TEST(MaxAbs, Definition) {
  const OpData data = make_data(
      {.op = OpCode::max_abs,
       .in = {exact(DType::f32, {5, 2}, {1, -3, 3, 2, -0.0, 0, INFINITY, NAN, -INFINITY, 9}),
              i32({0, 2, 2, 3, 4, 5})},
       .params = ParamBytes(SelectParams{5, 2, 5, 1})});
  const Outputs out = run_reference(data);
  const auto value = output<float>(out, 0);
  EXPECT_EQ(value[0], -3);  // the first among equals keeps its sign
  EXPECT_EQ(value[1], 0);
  EXPECT_TRUE(std::signbit(value[2]));
  EXPECT_TRUE(std::isnan(value[3]));
  EXPECT_EQ(value[4], -INFINITY);
  EXPECT_EQ(output<std::uint32_t>(out, 1), (std::vector<std::uint32_t>{1, kAbsent, 0, 1, 0}));
}

TEST(MaxAbs, RefusesMoreElementsThanAnIndexHolds) {
  const Types in{{DType::f32, {65536, 65536}}, {DType::i32, {2}}};
  const auto types = op_of(OpCode::max_abs).infer(in, ParamBytes(SelectParams{65536, 65536, 1, 1}));
  ASSERT_FALSE(types);
  EXPECT_EQ(types.error().message,
            "max_abs: expected at most 2^32 - 1 elements, found 65536 x 65536");
}

}  // namespace
}  // namespace tepui::test
