// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

OpCase mix_case(const std::vector<double>& offsets, uint k, uint dim, Fill fill) {
  const auto rows = static_cast<std::int64_t>(offsets.back());
  const auto sequences = static_cast<std::int64_t>(offsets.size() - 1);
  return {.op = OpCode::mix_rows,
          .in = {f32({rows, k}), f32({sequences * k, dim}, fill), i32(offsets)},
          .params = ParamBytes(
              MixRowsParams{static_cast<uint>(rows), dim, static_cast<uint>(sequences), k})};
}

TEST(MixRows, Agrees) {
  for (const auto& offsets : std::vector<std::vector<double>>{{0, 0}, {0, 1}, {0, 3, 3, 4, 60}}) {
    for (const uint k : {1U, 2U, 12U}) {
      for (const uint dim : {1U, 7U, 64U, 100U}) {
        for (const Fill fill : {Fill::normal, Fill::massive})
          check_op(mix_case(offsets, k, dim, fill));
      }
    }
  }
}

TEST(MixRows, Definition) {
  OpCase op_case = mix_case({0, 1, 2}, 2, 1, Fill::normal);
  op_case.in[0] = exact(DType::f32, {2, 2}, {2, 3, 5, 7});
  op_case.in[1] = exact(DType::f32, {4, 1}, {10, 100, 1000, 10000});
  EXPECT_EQ(output<float>(run_reference(make_data(op_case)), 0), (std::vector<float>{320, 75000}));
}

OpCase values_case(const std::vector<double>& offsets, uint heads, uint kv_heads, uint dim,
                   const std::vector<double>& marked) {
  const auto rows = static_cast<std::int64_t>(offsets.back());
  const auto sequences = static_cast<std::int64_t>(offsets.size() - 1);
  const auto each = static_cast<std::int64_t>(marked.size()) / sequences;
  return {.op = OpCode::head_values,
          .in = {f32({rows, std::int64_t{kv_heads} * dim}, Fill::special),
                 exact(DType::u32, {sequences, each}, marked), i32(offsets)},
          .params =
              ParamBytes(HeadValuesParams{static_cast<uint>(rows), heads, kv_heads, dim,
                                          static_cast<uint>(sequences), static_cast<uint>(each)})};
}

TEST(HeadValues, Agrees) {
  constexpr double kNoToken = 4294967295.0;
  check_op(values_case({0, 1}, 1, 1, 1, {0}));
  check_op(values_case({0, 5, 5, 9}, 4, 2, 3, {0, 4, kNoToken, kNoToken, 3, kNoToken}));
  check_op(values_case({0, 40}, 6, 2, 64, {7, 39, 0}));
}

TEST(HeadValues, Definition) {
  OpCase op_case = values_case({0, 2}, 2, 1, 2, {1});
  op_case.in[0] = exact(DType::f32, {2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(output<float>(run_reference(make_data(op_case)), 0),
            (std::vector<float>{3, 4, 0, 0, 0, 0, 3, 4}));
}

}  // namespace
}  // namespace tepui::test
