// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

// [S, 3], of which the column in the middle counts.
Operand levels_of(const SelectInput& input) {
  std::vector<double> levels;
  for (uint s = 0; s < input.sequences(); ++s) {
    levels.insert(levels.end(), {1e-9, s % 3 == 1 ? 0 : 0.5, 1e9});
  }
  return exact(DType::f32, {input.sequences(), 3}, levels);
}

TEST(AboveAbs, Agrees) {
  constexpr uint kCapacities[] = {1, 10, 1000};
  constexpr float kRatios[] = {0, 2, 1000};
  for (const SelectInput& input : select_inputs()) {
    // Every capacity and every ratio on each input, each of the nine pairs on some fill.
    for (std::size_t i = 0; i < 3; ++i) {
      const float ratio = kRatios[(i + static_cast<std::size_t>(input.fill)) % 3];
      check_op({.op = OpCode::above_abs,
                .in = {input.x(), i32(input.offsets), levels_of(input)},
                .params = ParamBytes(AboveParams{input.rows(), input.dim, input.sequences(),
                                                 kCapacities[i], 3, 1, ratio, 0.75F})});
    }
  }
}

TEST(AboveAbs, Definition) {
  const OpData data =
      make_data({.op = OpCode::above_abs,
                 .in = {exact(DType::f32, {4, 2}, {2, -3, 5, -2.5, 1, 0.5, NAN, 9}),
                        i32({0, 2, 3, 4}), exact(DType::f32, {3, 1}, {1.25, 0, NAN})},
                 .params = ParamBytes(AboveParams{4, 2, 3, 2, 1, 0, 2, 0.5F})});
  const Outputs out = run_reference(data);
  // Above 2.5, the second: -3, 5 (2.5 itself is not). Above the floor 0.5: 1. Above NaN: nothing.
  EXPECT_EQ(output<std::uint32_t>(out, 0), (std::vector<std::uint32_t>{2, 1, 0}));
  EXPECT_EQ(output<float>(out, 1), (std::vector<float>{-3, 5, 1, 0, 0, 0}));
  EXPECT_EQ(output<std::uint32_t>(out, 2),
            (std::vector<std::uint32_t>{1, 2, 0, kAbsent, kAbsent, kAbsent}));
}

TEST(AboveAbs, CountsBeyondItsCapacity) {
  const OpData data = make_data({.op = OpCode::above_abs,
                                 .in = {exact(DType::f32, {1, 5}, {1, NAN, -INFINITY, 0, 3}),
                                        i32({0, 1}), exact(DType::f32, {1, 2}, {9, 0.5})},
                                 .params = ParamBytes(AboveParams{1, 5, 1, 2, 2, 1, 1, 0})});
  const Outputs out = run_reference(data);
  EXPECT_EQ(output<std::uint32_t>(out, 0), (std::vector<std::uint32_t>{4}));
  EXPECT_EQ(output<std::uint32_t>(out, 2), (std::vector<std::uint32_t>{0, 1}));
}

}  // namespace
}  // namespace tepui::test
