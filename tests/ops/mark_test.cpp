// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

Operand marks(uint rows) {
  std::vector<double> values;
  for (uint r = 0; r < rows; ++r) values.push_back(r % 4);
  return exact(DType::u32, {rows}, values);
}

TEST(RowLevel, Agrees) {
  for (const SelectInput& input : select_inputs()) {
    for (const Fill fill : {Fill::normal, Fill::special}) {
      for (const float ratio : {0.0F, 1.0F, 1000.0F}) {
        check_op({.op = OpCode::row_level,
                  .in = {f32({input.sequences(), 3}, fill), i32(input.offsets)},
                  .params = ParamBytes(
                      RowLevelParams{input.rows(), input.sequences(), 3, 1, ratio, 0.75F})});
      }
      check_op({.op = OpCode::row_level,
                .in = {f32({input.sequences()}, fill), i32(input.offsets)},
                .params = ParamBytes(RowLevelParams{input.rows(), input.sequences(), 1, 0, 1, 0})});
    }
  }
}

TEST(RowLevel, Definition) {
  const OpData data =
      make_data({.op = OpCode::row_level,
                 .in = {exact(DType::f32, {3, 2}, {9, -2, 9, 0.25, 9, NAN}), i32({0, 2, 3, 4})},
                 .params = ParamBytes(RowLevelParams{4, 3, 2, 1, 10, 5})});
  const auto out = output<float>(run_reference(data), 0);
  EXPECT_EQ(std::vector<float>(out.begin(), out.begin() + 3), (std::vector<float>{20, 20, 5}));
  EXPECT_TRUE(std::isnan(out[3]));
}

TEST(MarkRows, Agrees) {
  for (const uint rows : {0U, 1U, 7U, 1000U}) {
    for (const Fill fill : {Fill::normal, Fill::ties, Fill::special}) {
      check_op({.op = OpCode::mark_rows,
                .in = {marks(rows), f32({rows}, fill), f32({rows}, fill)},
                .params = ParamBytes(MarkRowsParams{rows})});
    }
  }
}

TEST(MarkRows, Definition) {
  const OpData data = make_data(
      {.op = OpCode::mark_rows,
       .in = {exact(DType::u32, {5}, {1, 2, 3, 4, 5}), exact(DType::f32, {5}, {-3, 2, NAN, NAN, 1}),
              exact(DType::f32, {5}, {2, 2, 1e30, NAN, -1})},
       .params = ParamBytes(MarkRowsParams{5})});
  EXPECT_EQ(output<std::uint32_t>(run_reference(data), 0),
            (std::vector<std::uint32_t>{1, 0, 3, 0, 5}));
}

TEST(MarkLargest, Agrees) {
  for (const SelectInput& input : select_inputs()) {
    std::vector<double> index;
    for (uint s = 0; s < input.sequences(); ++s) {
      const double rows = input.offsets[s + 1] - input.offsets[s];
      index.push_back(rows == 0 ? 4294967295.0 : (rows - 1) * input.dim + s % input.dim);
    }
    check_op({.op = OpCode::mark_largest,
              .in = {marks(input.rows()), exact(DType::u32, {input.sequences()}, index),
                     i32(input.offsets)},
              .params = ParamBytes(MarkLargestParams{input.rows(), input.dim, input.sequences()})});
  }
}

TEST(MarkLargest, Definition) {
  const OpData data = make_data({.op = OpCode::mark_largest,
                                 .in = {exact(DType::u32, {5}, {1, 2, 2, 1, 2}),
                                        exact(DType::u32, {2}, {7, 4}), i32({0, 3, 5})},
                                 .params = ParamBytes(MarkLargestParams{5, 4, 2})});
  EXPECT_EQ(output<std::uint32_t>(run_reference(data), 0),
            (std::vector<std::uint32_t>{0, 2, 0, 0, 2}));
}

}  // namespace
}  // namespace tepui::test
