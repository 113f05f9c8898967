// SPDX-License-Identifier: MIT
// A packed matrix is opaque; what it holds shows in its product with the identity, which is exact.
#include <gtest/gtest.h>

#include "support/op_harness.h"

namespace tepui::test {
namespace {

Operand identity(std::int64_t size) {
  std::vector<double> values(static_cast<std::size_t>(size * size));
  for (std::int64_t i = 0; i < size; ++i) values[static_cast<std::size_t>(i * (size + 1))] = 1;
  return exact(DType::f32, {size, size}, std::move(values));
}

// The packed [n, k] matrix, read out as its transpose; every backend gives exactly the same.
void check_pack(Operand matrix) {
  const uint n = matrix.pack.n;
  const uint k = matrix.pack.k;
  const OpCase op_case{.op = OpCode::linear,
                       .in = {identity(k), std::move(matrix), absent(), absent()},
                       .params = ParamBytes(LinearParams{k, n, k, TEPUI_ACT_NONE})};
  check_op(op_case);
  const OpData data = make_data(op_case);
  const Outputs expected = run_reference(data);
  const HostView stored = data.tensors[1].view();
  const PackParams& pack = op_case.in[1].pack;
  for (uint row = 0; row < n; ++row) {
    const uint place = pack.run == 0 ? row : row / pack.run * pack.period + row % pack.run;
    for (uint column = 0; column < k; ++column) {
      const uint from =
          pack.transposed ? column * pack.stride + place : place * pack.stride + column;
      EXPECT_EQ(expected[0].view().at(column * n + row), stored.at(pack.offset + from));
    }
  }
}

TEST(Pack, WholeMatrices) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const bool transposed : {false, true}) {
      for (const auto& [n, k] : {std::pair{1, 1}, {1, 9}, {9, 1}, {5, 7}, {33, 17}, {64, 48}}) {
        check_pack(packed(n, k, dtype, Fill::normal, transposed));
      }
    }
  }
}

// The middle part of a fused matrix, by rows and by columns.
TEST(Pack, PartOfAMatrix) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    Operand rows = packed(6, 5, dtype);
    rows.stored.shape = Shape{18, 5};
    rows.pack.offset = 6 * 5;
    check_pack(rows);
    Operand columns = packed(6, 5, dtype, Fill::normal, true);
    columns.stored.shape = Shape{5, 18};
    columns.pack.offset = 6;
    columns.pack.stride = 18;
    check_pack(columns);
  }
}

// Every third run of two rows, as the queries of a fused matrix stand.
TEST(Pack, RunsOfRows) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const bool transposed : {false, true}) {
      for (const uint n : {8U, 37U}) {
        const std::int64_t rows = (n + 1) / 2 * 6;
        Operand runs = packed(n, 5, dtype, Fill::normal, transposed);
        runs.stored.shape = transposed ? Shape{5, rows} : Shape{rows, 5};
        runs.pack.offset = transposed ? 2 : 2 * 5;
        runs.pack.stride = transposed ? static_cast<uint>(rows) : 5;
        runs.pack.run = 2;
        runs.pack.period = 6;
        check_pack(runs);
      }
    }
  }
}

// Of one block a row, of two, and every third run of two rows from the second run on: an identity
// of a longer row is dear.
TEST(Pack, QuantisedMatricesAndPartsOfThem) {
  for (const DType dtype : quantised_dtypes()) {
    const std::int64_t block = dtype_block(dtype).elements;
    check_pack(packed(70, block, dtype));
    if (block < 256 || dtype == DType::q4_k) check_pack(packed(5, 2 * block, dtype));
    Operand columns = packed(6, block, dtype);
    columns.stored.shape = Shape{6, 3 * block};
    columns.pack.offset = static_cast<uint>(block);
    columns.pack.stride = static_cast<uint>(3 * block);
    check_pack(columns);
    Operand runs = packed(6, block, dtype);
    runs.stored.shape = Shape{18, block};
    runs.pack.offset = static_cast<uint>(2 * block);
    runs.pack.run = 2;
    runs.pack.period = 6;
    check_pack(runs);
  }
}

TEST(Pack, RefusesToCutBlocks) {
  const TensorType stored{DType::q5_1, {8, 96}};
  const auto message = [&](const PackParams& params) {
    const auto types = op_of(OpCode::pack).infer({&stored, 1}, ParamBytes(params));
    return types ? "" : types.error().message;
  };
  EXPECT_EQ(message({4, 96, 0, 96, 0}), "");
  EXPECT_EQ(message({4, 64, 32, 96, 0}), "");
  EXPECT_EQ(message({96, 8, 0, 96, 1}),
            "pack: stored: expected the rows of [N, K], because blocks lie along them, found q5_1 "
            "[8, 96] to be read transposed");
  EXPECT_EQ(message({4, 48, 0, 96, 0}),
            "pack: stored: expected a depth of whole blocks of 32 elements, because it is q5_1, "
            "found q5_1 [8, 96] and a depth of 48");
  EXPECT_EQ(message({4, 64, 0, 80, 0}),
            "pack: stored: expected a stride of whole blocks of 32 elements, because it is q5_1, "
            "found q5_1 [8, 96] and a stride of 80");
  EXPECT_EQ(message({4, 64, 16, 96, 0}),
            "pack: stored: expected an offset of whole blocks of 32 elements, because it is q5_1, "
            "found q5_1 [8, 96] and an offset of 16");
}

TEST(Pack, RefusesToReadBeyondTheMatrix) {
  const TensorType stored{DType::f16, {4, 5}};
  const auto infer = [&](const PackParams& params) {
    return op_of(OpCode::pack).infer({&stored, 1}, ParamBytes(params));
  };
  EXPECT_TRUE(infer({4, 5, 0, 5, 0}));
  EXPECT_TRUE(infer({4, 3, 2, 5, 0}));
  ASSERT_FALSE(infer({4, 5, 1, 5, 0}));
  EXPECT_EQ(infer({4, 5, 1, 5, 0}).error().message,
            "pack: stored: expected at least 21 elements, found f16 [4, 5]");
  EXPECT_TRUE(infer({2, 5, 0, 5, 0, 1, 3}));  // rows 0 and 3
  EXPECT_FALSE(infer({3, 5, 0, 5, 0, 1, 3}));
  EXPECT_FALSE(infer({2, 5, 0, 5, 0, 2, 1}));
  EXPECT_FALSE(infer({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0}));
}

}  // namespace
}  // namespace tepui::test
