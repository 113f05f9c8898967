// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/op_harness.h"

namespace tepui::test {
namespace {

OpCase layer_norm_case(std::int64_t rows, std::int64_t dim, Fill fill, bool weight = true,
                       bool bias = true) {
  return {
      .op = OpCode::layer_norm,
      .in = {f32({rows, dim}, fill), weight ? f32({dim}) : absent(), bias ? f32({dim}) : absent()},
      .params = ParamBytes(NormParams{static_cast<uint>(rows), static_cast<uint>(dim), 1e-5F})};
}

TEST(LayerNorm, Agrees) {
  for (const std::int64_t dim : {1, 2, 15, 48, 129, 1000, 4097}) {
    for (const std::int64_t rows : {0, 1, 2, 33}) {
      for (const Fill fill : {Fill::normal, Fill::massive, Fill::wide}) {
        check_op(layer_norm_case(rows, dim, fill));
      }
    }
  }
}

TEST(LayerNorm, OptionalOperands) {
  for (const bool weight : {false, true}) {
    for (const bool bias : {false, true})
      check_op(layer_norm_case(5, 50, Fill::normal, weight, bias));
  }
}

TEST(LayerNorm, ManyRows) { check_op(layer_norm_case(70000, 3, Fill::normal)); }

// A mean far from zero: the variance must come from the centred values.
TEST(LayerNorm, LargeMean) {
  std::vector<double> values;
  for (int i = 0; i < 3 * 64; ++i) values.push_back(1000 + 0.25 * (i * 7 % 5));
  OpCase op_case = layer_norm_case(3, 64, Fill::normal);
  op_case.in[0] = exact(DType::f32, {3, 64}, values);
  check_op(op_case);
}

// Heads, each normalised by itself, with weights in common or their own.
TEST(LayerNorm, GroupsOfARow) {
  for (const bool apart : {false, true}) {
    for (const auto& [groups, dim] : {std::pair{1, 8}, {3, 16}, {5, 33}, {70, 2}}) {
      for (const Fill fill : {Fill::normal, Fill::massive}) {
        check_op({.op = OpCode::layer_norm,
                  .in = {f32({7, groups * dim}, fill), apart ? f32({groups, dim}) : f32({dim}),
                         apart ? f32({groups, dim}) : f32({dim})},
                  .params = ParamBytes(NormParams{7, static_cast<uint>(dim), 1e-5F,
                                                  static_cast<uint>(groups), apart ? 1U : 0U})});
      }
    }
  }
}

TEST(LayerNorm, Definition) {
  const OpData data = make_data(
      {.op = OpCode::layer_norm,
       .in = {exact(DType::f32, {1, 4}, {1, 2, 3, 6}), exact(DType::f32, {4}, {1, 1, 2, 1}),
              exact(DType::f32, {4}, {0, 0, 10, 0})},
       .params = ParamBytes(NormParams{1, 4, 0.5F})});
  const Outputs out = run_reference(data);  // mean 3, variance 14 / 4
  EXPECT_FLOAT_EQ(out[0].view().as<float>()[0], -1);
  EXPECT_FLOAT_EQ(out[0].view().as<float>()[1], -0.5F);
  EXPECT_FLOAT_EQ(out[0].view().as<float>()[2], 10);
  EXPECT_FLOAT_EQ(out[0].view().as<float>()[3], 1.5F);
}

}  // namespace
}  // namespace tepui::test
