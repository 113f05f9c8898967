// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/op_harness.h"

namespace tepui::test {
namespace {

OpCase rms_norm_case(std::int64_t rows, std::int64_t dim, Fill fill, float eps = 1e-5F) {
  return {.op = OpCode::rms_norm,
          .in = {f32({rows, dim}, fill), f32({dim})},
          .params = ParamBytes(NormParams{static_cast<uint>(rows), static_cast<uint>(dim), eps})};
}

TEST(RmsNorm, Agrees) {
  for (const std::int64_t dim : {1, 2, 15, 48, 129, 1000, 4097}) {
    for (const std::int64_t rows : {0, 1, 2, 33}) {
      for (const Fill fill : {Fill::normal, Fill::massive, Fill::wide}) {
        check_op(rms_norm_case(rows, dim, fill));
      }
    }
  }
}

TEST(RmsNorm, ManyRowsAndZeros) {
  check_op(rms_norm_case(70000, 3, Fill::normal));
  OpCase zeros = rms_norm_case(4, 9, Fill::normal);
  zeros.in[0] = exact(DType::f32, {4, 9}, std::vector<double>(36));
  check_op(zeros);
}

// Heads, each normalised by itself, with weights in common or their own.
TEST(RmsNorm, GroupsOfARow) {
  for (const bool apart : {false, true}) {
    for (const auto& [groups, dim] : {std::pair{1, 8}, {3, 16}, {5, 33}, {70, 2}}) {
      for (const Fill fill : {Fill::normal, Fill::massive}) {
        check_op({.op = OpCode::rms_norm,
                  .in = {f32({7, groups * dim}, fill), apart ? f32({groups, dim}) : f32({dim})},
                  .params = ParamBytes(NormParams{7, static_cast<uint>(dim), 1e-5F,
                                                  static_cast<uint>(groups), apart ? 1U : 0U})});
      }
    }
  }
}

TEST(RmsNorm, Definition) {
  const OpData data =
      make_data({.op = OpCode::rms_norm,
                 .in = {exact(DType::f32, {1, 2}, {3, 4}), exact(DType::f32, {2}, {1, -2})},
                 .params = ParamBytes(NormParams{1, 2, 0.5F})});
  const Outputs out = run_reference(data);
  EXPECT_FLOAT_EQ(out[0].view().as<float>()[0], 3 / std::sqrt(13.0F));
  EXPECT_FLOAT_EQ(out[0].view().as<float>()[1], -8 / std::sqrt(13.0F));
  const Outputs groups = run_reference(make_data(
      {.op = OpCode::rms_norm,
       .in = {exact(DType::f32, {1, 4}, {3, 4, 0, 1}), exact(DType::f32, {2, 2}, {1, -2, 5, 3})},
       .params = ParamBytes(NormParams{1, 2, 0.5F, 2, 1})}));
  EXPECT_FLOAT_EQ(groups[0].view().as<float>()[1], -8 / std::sqrt(13.0F));
  EXPECT_FLOAT_EQ(groups[0].view().as<float>()[3], 3);
}

}  // namespace
}  // namespace tepui::test
