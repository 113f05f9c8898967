// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/op_harness.h"

namespace tepui::test {
namespace {

TEST(Add, Agrees) {
  for (const auto& [rows, dim] : {std::pair{0, 4}, {1, 1}, {3, 37}, {64, 129}}) {
    for (const Fill fill : {Fill::normal, Fill::massive, Fill::ties}) {
      check_op({.op = OpCode::add,
                .in = {f32({rows, dim}, fill), f32({rows, dim}, Fill::normal)},
                .params = ParamBytes(AddParams{static_cast<uint>(rows * dim)})});
    }
  }
}

TEST(Add, Definition) {
  const OpData data = make_data(
      {.op = OpCode::add,
       .in = {exact(DType::f32, {3}, {1, 8e5, -0.0}), exact(DType::f32, {3}, {2, 0.25, -0.0})},
       .params = ParamBytes(AddParams{3})});
  const Outputs out = run_reference(data);
  EXPECT_EQ(out[0].view().at(0), 3);
  EXPECT_EQ(out[0].view().at(1), 800000.25);
  EXPECT_TRUE(std::signbit(out[0].view().at(2)));
}

}  // namespace
}  // namespace tepui::test
