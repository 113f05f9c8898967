// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

TEST(L2Distance, Agrees) {
  for (const auto& [rows, dim] :
       {std::pair{0U, 4U}, {1U, 1U}, {3U, 37U}, {65U, 129U}, {2U, 5000U}}) {
    for (const Fill fill : {Fill::normal, Fill::massive, Fill::wide}) {
      check_op({.op = OpCode::l2_distance,
                .in = {f32({rows, dim}, fill), f32({rows, dim}, Fill::normal)},
                .params = ParamBytes(ReduceParams{rows, dim, 0})});
    }
  }
}

TEST(L2Distance, Definition) {
  const OpData data = make_data(
      {.op = OpCode::l2_distance,
       .in = {exact(DType::f32, {2, 2}, {1, 2, 5, 5}), exact(DType::f32, {2, 2}, {-2, 6, 5, 5})},
       .params = ParamBytes(ReduceParams{2, 2, 0})});
  EXPECT_EQ(output<float>(run_reference(data), 0), (std::vector<float>{5, 0}));
}

}  // namespace
}  // namespace tepui::test
