// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

OpCase constancy_case(const std::vector<double>& offsets, uint groups, uint dim, Fill fill,
                      bool less, bool shift) {
  const auto rows = static_cast<std::int64_t>(offsets.back());
  const std::int64_t width = std::int64_t{groups} * dim;
  std::vector<double> mark;
  for (std::int64_t r = 0; r < rows; ++r) mark.push_back(static_cast<double>(r % 5 == 3 ? 1 : 2));
  return {.op = OpCode::constancy,
          .in = {f32({rows, width}, fill), less ? f32({rows, width}) : absent(),
                 shift ? f32({width}) : absent(), exact(DType::u32, {rows}, mark), i32(offsets)},
          .params = ParamBytes(ConstancyParams{static_cast<uint>(rows), dim,
                                               static_cast<uint>(offsets.size() - 1), groups, 2})};
}

TEST(Constancy, Agrees) {
  for (const auto& offsets :
       std::vector<std::vector<double>>{{0, 0}, {0, 1}, {0, 4}, {0, 3, 3, 4, 60}}) {
    for (const uint dim : {1U, 7U, 64U, 100U}) {
      for (const uint groups : {1U, 3U}) {
        for (const Fill fill : {Fill::normal, Fill::massive, Fill::wide}) {
          check_op(constancy_case(offsets, groups, dim, fill, false, false));
          check_op(constancy_case(offsets, groups, dim, fill, true, true));
        }
      }
    }
  }
}

OpCase exact_case(const std::vector<double>& x, const std::vector<double>& mark) {
  const auto rows = static_cast<std::int64_t>(mark.size());
  return {.op = OpCode::constancy,
          .in = {exact(DType::f32, {rows, 2}, x), absent(), absent(),
                 exact(DType::u32, {rows}, mark), i32({0, static_cast<double>(rows)})},
          .params = ParamBytes(ConstancyParams{static_cast<uint>(rows), 2, 1, 1, 7})};
}

TEST(Constancy, Definition) {
  const auto out =
      output<float>(run_reference(make_data(exact_case({3, 4, 50, -60, 5, 0}, {7, 1, 7}))), 0);
  EXPECT_FLOAT_EQ(out[0], 25);  // (25 + 25) / 2
  EXPECT_FLOAT_EQ(out[1], 20);  // |(4, 2)|^2
  EXPECT_FLOAT_EQ(out[2], 5);   // |(-1, 2)|^2 and |(1, -2)|^2
  EXPECT_FLOAT_EQ(out[3], 20 / (5 * std::sqrt(20.0F)));
}

// Rows that are all one vector, far from 0: no spread is lost in the squares of what they share.
TEST(Constancy, SmallSpreadOfLargeRows) {
  const OpCase op_case = exact_case({4096, 8192, 4096, 8193, 4096, 8194}, {7, 7, 7});
  check_op(op_case);
  EXPECT_FLOAT_EQ(output<float>(run_reference(make_data(op_case)), 0)[2], 2.0F / 3);
}

TEST(Constancy, NothingSelectedAndNothingThere) {
  const auto none = output<float>(run_reference(make_data(exact_case({3, 4}, {1}))), 0);
  EXPECT_EQ(none, (std::vector<float>{0, 0, 0, 0}));
  const OpCase zeros = exact_case({0, 0, 0, 0}, {7, 7});
  check_op(zeros);
  EXPECT_EQ(output<float>(run_reference(make_data(zeros)), 0), (std::vector<float>{0, 0, 0, 0}));
}

}  // namespace
}  // namespace tepui::test
