// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

Operand ranks_of(const SelectInput& input, uint count) {
  std::vector<double> ranks;
  for (uint s = 0; s < input.sequences(); ++s) {
    const double elements = (input.offsets[s + 1] - input.offsets[s]) * input.dim;
    for (uint q = 0; q < count; ++q) {  // from the smallest to one that is not there
      ranks.push_back(std::floor(elements * q / std::max(count - 1, 1U)));
    }
  }
  return exact(DType::u32, {input.sequences(), count}, ranks);
}

TEST(QuantileAbs, Agrees) {
  for (const SelectInput& input : select_inputs()) {
    for (const uint count : {1U, 2U, 5U}) {
      check_op({.op = OpCode::quantile_abs,
                .in = {input.x(), i32(input.offsets), ranks_of(input, count)},
                .params =
                    ParamBytes(QuantileParams{input.rows(), input.dim, input.sequences(), count})});
    }
  }
}

TEST(QuantileAbs, Definition) {
  const OpData data = make_data(
      {.op = OpCode::quantile_abs,
       .in = {exact(DType::f32, {3, 2}, {-4, 1, -0.0, 3, NAN, -INFINITY}), i32({0, 2, 2, 3}),
              exact(DType::u32, {3, 4}, {0, 1, 2, 3, 0, 0, 0, 0, 0, 1, 2, 0})},
       .params = ParamBytes(QuantileParams{3, 2, 3, 4})});
  const Outputs out = run_reference(data);
  const auto y = output<float>(out, 0);
  EXPECT_EQ((std::vector<float>(y.begin(), y.begin() + 9)),
            (std::vector<float>{0, 1, 3, 4, 0, 0, 0, 0, INFINITY}));
  EXPECT_FALSE(std::signbit(y[0]));
  EXPECT_TRUE(std::isnan(y[9]));
  EXPECT_EQ(y[10], 0);
}

}  // namespace
}  // namespace tepui::test
