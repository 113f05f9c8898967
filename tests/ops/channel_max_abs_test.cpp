// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

TEST(ChannelMaxAbs, Agrees) {
  for (const SelectInput& input : select_inputs()) {
    check_op({.op = OpCode::channel_max_abs,
              .in = {input.x(), i32(input.offsets)},
              .params = ParamBytes(ReduceParams{input.rows(), input.dim, input.sequences()})});
  }
}

TEST(ChannelMaxAbs, Definition) {
  const OpData data = make_data(
      {.op = OpCode::channel_max_abs,
       .in = {exact(DType::f32, {4, 2}, {1, 2, -3, 2, 3, -1, -7, NAN}), i32({0, 3, 3, 4})},
       .params = ParamBytes(ReduceParams{4, 2, 3})});
  const Outputs out = run_reference(data);
  const auto value = output<float>(out, 0);
  EXPECT_EQ((std::vector<float>(value.begin(), value.begin() + 5)),
            (std::vector<float>{-3, 2, 0, 0, -7}));
  EXPECT_TRUE(std::isnan(value[5]));
  EXPECT_EQ(output<std::uint32_t>(out, 1),
            (std::vector<std::uint32_t>{1, 0, kAbsent, kAbsent, 0, 0}));
}

}  // namespace
}  // namespace tepui::test
