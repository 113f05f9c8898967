// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "backend/registry.h"
#include "support/attention_case.h"
#include "support/select_cases.h"

namespace tepui::test {
namespace {

constexpr double kNoToken = 4294967295.0;

constexpr Heads kStatsHeads[] = {{1, 1, 1}, {3, 1, 5}, {4, 2, 8}, {2, 2, 64}, {3, 3, 33}};

std::vector<Operand> scored(const AttentionParams& p, const std::vector<double>& offsets,
                            Fill fill) {
  return {f32({p.rows, std::int64_t{p.heads} * p.head_dim}, fill),
          f32({p.rows, std::int64_t{p.kv_heads} * p.head_dim}, fill), i32(offsets),
          p.bias_positions != 0 ? f32({p.heads, p.bias_positions}) : absent()};
}

OpCase stats_case(const std::vector<double>& offsets, Heads h, Fill fill, Extras extras = {},
                  uint marked = 2, uint early = 6) {
  const AttentionParams of = attention_params(offsets, h, extras);
  std::vector<Operand> in = scored(of, offsets, fill);
  std::vector<double> tokens;  // one before, one behind the others, some that are not there
  for (uint s = 0; s < of.sequences; ++s) {
    for (uint m = 0; m < marked; ++m) tokens.push_back(m == 0 ? 0 : m % 3 == 1 ? 5 * m : kNoToken);
  }
  in.push_back(exact(DType::u32, {of.sequences, marked}, tokens));
  in.push_back(absent());
  return {.op = OpCode::attention_stats,
          .in = in,
          .params = ParamBytes(AttentionStatsParams{of, early, marked})};
}

TEST(AttentionStats, Agrees) {
  for (const Heads& heads : kStatsHeads) {
    for (const auto& offsets : std::vector<std::vector<double>>{
             {0}, {0, 0}, {0, 1}, {0, 7}, {0, 0, 1, 6, 6, 39}, {0, 70}})
      check_op(stats_case(offsets, heads, Fill::normal));
  }
}

TEST(AttentionStats, AgreesForSharpScoresAndOverManyBlocks) {
  check_op(stats_case({0, 5, 40}, {2, 1, 12}, Fill::wide));
  for (const uint early : {0U, 48U, 100U, 299U, 1000U})
    check_op(stats_case({0, 300, 433}, {2, 1, 20}, Fill::normal, {}, 4, early));
}

TEST(AttentionStats, AgreesWithSoftcapBiasAndWindow) {
  const std::vector<double> offsets{0, 0, 1, 6, 45, 115};
  for (const Heads& heads : {Heads{1, 1, 1}, {4, 2, 8}}) {
    for (const Fill fill : {Fill::normal, Fill::wide}) {
      check_op(stats_case(offsets, heads, fill, {.softcap = 2}));
      check_op(stats_case(offsets, heads, fill, {.bias_positions = 70}));
      for (const uint window : {1U, 5U, 64U})
        check_op(stats_case(offsets, heads, fill, {.window = window}));
    }
  }
  for (const uint window : {17U, 255U, 256U, 257U})
    check_op(stats_case({0, 40, 640}, {2, 1, 20}, Fill::normal, {.window = window}, 3, 300));
}

// Against matrices: rows of the softmax, their entropies, and sums of its columns.
TEST(AttentionStats, Definition) {
  const OpData data = make_data(stats_case({0, 2, 9}, {4, 2, 3}, Fill::normal, {}, 3, 4));
  const Outputs out = run_reference(data);
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Matrix> q(data.tensors[0].view().as<float>().data(), 9, 12);
  const Eigen::Map<const Matrix> k(data.tensors[1].view().as<float>().data(), 9, 6);
  for (int h = 0; h < 4; ++h) {
    Eigen::MatrixXd p = q.block(2, h * 3, 7, 3).cast<double>() *
                        k.block(2, h / 2 * 3, 7, 3).cast<double>().transpose() /
                        static_cast<double>(std::sqrt(3.0F));
    for (int i = 0; i < 7; ++i) {
      for (int j = 0; j < 7; ++j) p(i, j) = j > i ? 0 : std::exp(p(i, j));
      p.row(i) /= p.row(i).sum();
    }
    for (int i = 0; i < 7; ++i) {
      const int row = 2 + i;
      double entropy = 0;
      for (int j = 0; j <= i; ++j) entropy -= p(i, j) * std::log(p(i, j));
      EXPECT_NEAR(out[0].view().at((row * 4 + h) * 2), p.col(i).sum(), 1e-6);
      EXPECT_NEAR(out[0].view().at((row * 4 + h) * 2 + 1), p.col(i).head(4).sum(), 1e-6);
      EXPECT_NEAR(out[1].view().at(row * 4 + h), entropy, 1e-6);
      EXPECT_NEAR(out[2].view().at((row * 3 + 0) * 4 + h), p(i, 0), 1e-7);
      EXPECT_NEAR(out[2].view().at((row * 3 + 1) * 4 + h), p(i, 5), 1e-7);
      EXPECT_EQ(out[2].view().at((row * 3 + 2) * 4 + h), 0);
    }
  }
}

OpCase map_case(const std::vector<double>& offsets, Heads h, Fill fill, uint first, uint count,
                uint tokens, Extras extras = {}) {
  const AttentionParams of = attention_params(offsets, h, extras);
  uint cells = 0;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    const uint n = std::min(static_cast<uint>(offsets[s + 1] - offsets[s]), tokens);
    cells += n * n;
  }
  std::vector<Operand> in = scored(of, offsets, fill);
  in.push_back(absent());
  return {.op = OpCode::attention_map,
          .in = in,
          .params = ParamBytes(AttentionMapParams{of, first, count, tokens, cells})};
}

TEST(AttentionMap, Agrees) {
  for (const auto& offsets :
       std::vector<std::vector<double>>{{0, 1}, {0, 7}, {0, 0, 1, 6, 6, 80}}) {
    for (const uint tokens : {1U, 5U, 64U, 100U}) {
      check_op(map_case(offsets, {4, 2, 8}, Fill::normal, 2, 1, tokens));
      check_op(map_case(offsets, {4, 2, 8}, Fill::wide, 0, 4, tokens));
      check_op(map_case(offsets, {3, 1, 33}, Fill::normal, 1, 2, tokens,
                        {.softcap = 3, .window = 9, .bias_positions = 100}));
    }
  }
  check_op(map_case({0, 300}, {2, 1, 20}, Fill::normal, 1, 1, 270, {.window = 257}));
}

TEST(AttentionMap, Definition) {
  OpCase op_case = map_case({0, 3}, {2, 1, 1}, Fill::normal, 0, 2, 2);
  op_case.in[0] = exact(DType::f32, {3, 2}, {9, 9, 1, 3, 7, 7});
  op_case.in[1] = exact(DType::f32, {3, 1}, {2, -1, 5});
  const Outputs out = run_reference(make_data(op_case));
  const auto share = [](double a, double b) { return std::exp(a) / (std::exp(a) + std::exp(b)); };
  EXPECT_EQ(output<float>(out, 0)[0], 18);
  EXPECT_EQ(output<float>(out, 0)[1], -INFINITY);
  EXPECT_EQ(output<float>(out, 0)[2], 4);   // the mean of 1 * 2 and 3 * 2
  EXPECT_EQ(output<float>(out, 0)[3], -2);  // of 1 * -1 and 3 * -1
  EXPECT_EQ(output<float>(out, 1)[1], 0);
  EXPECT_NEAR(double{output<float>(out, 1)[2]}, (share(2, -1) + share(6, -3)) / 2, 1e-7);
}

}  // namespace
}  // namespace tepui::test
