// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

TEST(L2Norm, Agrees) {
  for (const uint dim : {1U, 2U, 15U, 48U, 129U, 1000U, 4097U}) {
    for (const uint rows : {0U, 1U, 2U, 33U}) {
      for (const Fill fill : {Fill::normal, Fill::massive, Fill::wide, Fill::ties}) {
        check_op({.op = OpCode::l2_norm,
                  .in = {f32({rows, dim}, fill)},
                  .params = ParamBytes(ReduceParams{rows, dim, 0})});
      }
    }
  }
  check_op({.op = OpCode::l2_norm,
            .in = {f32({70000, 2})},
            .params = ParamBytes(ReduceParams{70000, 2, 0})});
}

TEST(L2Norm, AgreesForRowsInGroups) {
  check_op({.op = OpCode::l2_norm,
            .in = {f32({7, 60}, Fill::massive)},
            .params = ParamBytes(ReduceParams{28, 15, 0})});
}

TEST(L2Norm, Definition) {
  const OpData data = make_data({.op = OpCode::l2_norm,
                                 .in = {exact(DType::f32, {2, 3}, {2, -3, 6, 0, -0.0, 0})},
                                 .params = ParamBytes(ReduceParams{2, 3, 0})});
  EXPECT_EQ(output<float>(run_reference(data), 0), (std::vector<float>{7, 0}));
}

}  // namespace
}  // namespace tepui::test
