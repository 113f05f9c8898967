// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

OpCase arg_max_tile(uint rows, uint tile, uint first, Fill fill) {
  std::vector<double> value;
  std::vector<double> index;
  for (uint r = 0; r < rows; ++r) {
    const bool fresh = first == 0 || r % 3 == 0;
    value.push_back(fresh ? -INFINITY : 0.5 * (r % 5));
    index.push_back(fresh ? kAbsent : r % first);
  }
  return {.op = OpCode::arg_max,
          .in = {f32({rows, tile}, fill), exact(DType::f32, {rows}, value),
                 exact(DType::u32, {rows}, index)},
          .params = ParamBytes(TileParams{rows, tile, first})};
}

TEST(ArgMax, Agrees) {
  for (const uint tile : {1U, 7U, 64U, 1000U, 5003U}) {
    for (const uint rows : {0U, 1U, 33U}) {
      for (const Fill fill : {Fill::normal, Fill::ties, Fill::special, Fill::massive}) {
        check_op(arg_max_tile(rows, tile, 0, fill));
        check_op(arg_max_tile(rows, tile, 4096, fill));
      }
    }
  }
  check_op(arg_max_tile(70000, 3, 2, Fill::ties));
}

TEST(ArgMax, Definition) {
  const OpData data = make_data(
      {.op = OpCode::arg_max,
       .in = {exact(DType::f32, {4, 3}, {-5, -1, -1, 2, 1, 0, -INFINITY, NAN, -INFINITY, 3, 4, 4}),
              exact(DType::f32, {4}, {-INFINITY, 2, -INFINITY, 3}),
              exact(DType::u32, {4}, {kAbsent, 9, kAbsent, 2})},
       .params = ParamBytes(TileParams{4, 3, 10})});
  const Outputs out = run_reference(data);
  EXPECT_EQ(output<float>(out, 0), (std::vector<float>{-1, 2, -INFINITY, 4}));
  EXPECT_EQ(output<std::uint32_t>(out, 1), (std::vector<std::uint32_t>{11, 9, 10, 11}));
}

}  // namespace
}  // namespace tepui::test
