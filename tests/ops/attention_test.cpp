// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "support/op_harness.h"

namespace tepui::test {
namespace {

struct Heads {
  uint heads;
  uint kv_heads;
  uint head_dim;
};

OpCase attention_case(const std::vector<double>& offsets, Heads h, Fill qk, Fill v) {
  const auto rows = static_cast<std::int64_t>(offsets.back());
  const AttentionParams params{static_cast<uint>(rows),
                               h.heads,
                               h.kv_heads,
                               h.head_dim,
                               static_cast<uint>(offsets.size() - 1),
                               1 / std::sqrt(static_cast<float>(h.head_dim))};
  const std::int64_t kv = std::int64_t{h.kv_heads} * h.head_dim;
  return {.op = OpCode::attention,
          .in = {f32({rows, std::int64_t{h.heads} * h.head_dim}, qk), f32({rows, kv}, qk),
                 f32({rows, kv}, v), i32(offsets)},
          .params = ParamBytes(params)};
}

constexpr Heads kHeads[] = {{1, 1, 1}, {3, 1, 5}, {4, 2, 8}, {2, 2, 64}, {3, 3, 33}, {8, 2, 16}};

TEST(Attention, Agrees) {
  for (const Heads& heads : kHeads) {
    for (const auto& offsets : std::vector<std::vector<double>>{
             {0}, {0, 0}, {0, 1}, {0, 7}, {0, 0, 1, 6, 6, 39}, {0, 70}}) {
      check_op(attention_case(offsets, heads, Fill::normal, Fill::normal));
      check_op(attention_case(offsets, heads, Fill::normal, Fill::massive));
    }
  }
}

TEST(Attention, AgreesForASequenceLongerThanABlockOfKeys) {
  check_op(attention_case({0, 300, 433}, {2, 1, 20}, Fill::normal, Fill::normal));
}

// Scores of hundreds: all weight on one key, the others' exponentials vanish.
TEST(Attention, AgreesForSharpScores) {
  check_op(attention_case({0, 5, 40}, {2, 1, 12}, Fill::wide, Fill::normal));
}

TEST(Attention, ManySequencesOfOneToken) {
  std::vector<double> offsets;
  for (int i = 0; i <= 70000; ++i) offsets.push_back(i);
  check_op(attention_case(offsets, {1, 1, 2}, Fill::normal, Fill::normal));
}

TEST(Attention, Definition) {
  const OpData data = make_data(attention_case({0, 2, 7}, {4, 2, 3}, Fill::normal, Fill::normal));
  const Outputs out = run_reference(data);
  const auto head = [&](std::size_t slot, int columns, uint index) -> Eigen::MatrixXd {
    using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::Map<const Matrix> all(data.tensors[slot].view().as<float>().data(), 7, columns);
    return all.block(2, index * 3, 5, 3).cast<double>();  // the second sequence
  };
  for (uint h = 0; h < 4; ++h) {
    Eigen::MatrixXd weights =
        head(0, 12, h) * head(1, 6, h / 2).transpose() / static_cast<double>(std::sqrt(3.0F));
    for (int i = 0; i < 5; ++i) {
      for (int j = 0; j < 5; ++j) weights(i, j) = j > i ? 0 : std::exp(weights(i, j));
      weights.row(i) /= weights.row(i).sum();
    }
    const Eigen::MatrixXd expected = weights * head(2, 6, h / 2);
    for (int i = 0; i < 5; ++i) {
      for (int d = 0; d < 3; ++d) {
        EXPECT_NEAR(out[0].view().at((2 + i) * 12 + static_cast<int>(h) * 3 + d), expected(i, d),
                    1e-6);
      }
    }
  }
}

// A massive key that no query looks at must not widen the bound of the others.
TEST(Attention, BoundForgetsKeysWithoutWeight) {
  OpCase op_case = attention_case({0, 3}, {1, 1, 2}, Fill::normal, Fill::normal);
  op_case.in[0] = exact(DType::f32, {3, 2}, {1, 1, 1, 1, 1, 1});
  op_case.in[1] = exact(DType::f32, {3, 2}, {1, 1, -8e5, -8e5, 2, 1});
  op_case.in[2] = exact(DType::f32, {3, 2}, {1e-3, 1, 8e5, 8e5, 1e-3, 2});
  check_op(op_case);
  const OpData data = make_data(op_case);
  const Outputs expected = run_reference(data);
  std::vector<HostView> in;
  for (const HostTensor& tensor : data.tensors) in.push_back(tensor.view());
  const HostView out = expected[0].view();
  std::vector<double> bound(6);
  op_of(OpCode::attention).bound({in, {&out, 1}, 0, data.params}, bound);
  EXPECT_GT(bound[4], 0);
  EXPECT_LT(bound[4], 1e-8);
}

}  // namespace
}  // namespace tepui::test
