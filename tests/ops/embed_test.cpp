// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "support/op_harness.h"

namespace tepui::test {
namespace {

TEST(Embed, Agrees) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const std::int64_t dim : {1, 7, 64, 129}) {
      for (const std::size_t rows : {0U, 1U, 5U, 70U}) {
        std::vector<double> ids;
        for (std::size_t r = 0; r < rows; ++r) ids.push_back(static_cast<double>(r * 7 % 11));
        check_op({.op = OpCode::embed,
                  .in = {i32(ids), {.type = {dtype, {11, dim}}, .fill = Fill::special}},
                  .params = ParamBytes(
                      EmbedParams{static_cast<uint>(rows), static_cast<uint>(dim), 11})});
      }
    }
  }
}

TEST(Embed, AgreesForQuantisedTables) {
  for (const DType dtype : quantised_dtypes()) {
    for (const std::int64_t blocks : {1, 3}) {
      const std::int64_t dim = blocks * dtype_block(dtype).elements;
      check_op({.op = OpCode::embed,
                .in = {i32({4, 0, 4, 10, 7}), {.type = {dtype, {11, dim}}}},
                .params = ParamBytes(EmbedParams{5, static_cast<uint>(dim), 11})});
    }
  }
}

TEST(Embed, RefusesRowsThatEndWithinABlock) {
  const Types in = {{DType::i32, {2}}, {DType::q4_k, {4, 192}}};
  const auto types = op_of(OpCode::embed).infer(in, ParamBytes(EmbedParams{2, 192, 4}));
  ASSERT_FALSE(types);
  EXPECT_EQ(types.error().message,
            "embed: table: expected a row of whole blocks of 256 elements, because it is q4_k, "
            "found q4_k [4, 192] and a row of 192");
}

TEST(Embed, ManyRows) {
  std::vector<double> ids;
  for (int r = 0; r < 70000; ++r) ids.push_back(r % 3);
  check_op({.op = OpCode::embed,
            .in = {i32(ids), f32({3, 2})},
            .params = ParamBytes(EmbedParams{70000, 2, 3})});
}

TEST(Embed, Definition) {
  const OpData data =
      make_data({.op = OpCode::embed,
                 .in = {i32({2, 0}), exact(DType::bf16, {3, 2}, {1, 2, 3, 4, 5, 6})},
                 .params = ParamBytes(EmbedParams{2, 2, 3})});
  const auto out = run_reference(data);
  const auto y = out[0].view().as<float>();
  EXPECT_EQ((std::vector<float>(y.begin(), y.end())), (std::vector<float>{5, 6, 1, 2}));
}

}  // namespace
}  // namespace tepui::test
