// SPDX-License-Identifier: MIT
// Losses, what gradients are made of, and the steps of an optimiser, each against its definition.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "ops/activation.h"
#include "ops/random_bits.h"
#include "support/op_harness.h"
#include "support/select_cases.h"

namespace tepui::test {
namespace {

constexpr Fill kSomeFills[] = {Fill::normal, Fill::massive, Fill::wide};

TEST(Transpose, Agrees) {
  for (const auto& [rows, columns] : {std::pair{0, 4}, {1, 1}, {3, 37}, {70, 129}, {300, 64}})
    check_op(
        {.op = OpCode::transpose,
         .in = {f32({rows, columns}, Fill::special)},
         .params = ParamBytes(MatrixParams{static_cast<uint>(rows), static_cast<uint>(columns)})});
}

TEST(ColumnSum, Agrees) {
  for (const auto& [rows, columns] : {std::pair{0, 4}, {1, 1}, {3, 37}, {1000, 70}})
    for (const Fill fill : kSomeFills)
      check_op({.op = OpCode::column_sum,
                .in = {f32({rows, columns}, fill)},
                .params =
                    ParamBytes(MatrixParams{static_cast<uint>(rows), static_cast<uint>(columns)})});
}

TEST(ActGrad, Agrees) {
  for (uint act = TEPUI_ACT_NONE; act <= TEPUI_ACT_SIGMOID; ++act) {
    for (const auto& [rows, dim] : {std::pair{0, 4}, {1, 1}, {3, 37}, {64, 129}}) {
      for (const Fill fill : kSomeFills) {
        const ParamBytes params(ActParams{static_cast<uint>(rows * dim), act});
        check_op({.op = OpCode::act_grad,
                  .in = {f32({rows, dim}, fill), f32({rows, dim}), f32({rows, dim})},
                  .params = params});
        check_op({.op = OpCode::act_grad,
                  .in = {f32({rows, dim}, fill), f32({rows, dim}), absent()},
                  .params = params});
      }
    }
  }
}

TEST(ActGrad, AgreesOverTheWholeRange) {
  std::vector<double> values;
  for (double x = -30; x <= 30; x += 0.01) values.push_back(x);
  for (int e = -126; e < 20; e += 2) {
    values.push_back(std::ldexp(1.3, e));
    values.push_back(-std::ldexp(1.3, e));
  }
  const auto count = static_cast<std::int64_t>(values.size());
  for (uint act = TEPUI_ACT_NONE; act <= TEPUI_ACT_SIGMOID; ++act) {
    check_op({.op = OpCode::act_grad,
              .in = {exact(DType::f32, {count}, values), f32({count}), absent()},
              .params = ParamBytes(ActParams{static_cast<uint>(count), act})});
  }
}

TEST(ActGrad, IsTheDerivative) {
  for (uint act = TEPUI_ACT_NONE; act <= TEPUI_ACT_SIGMOID; ++act) {
    for (double x = -8.003; x < 8; x += 0.01) {
      const double h = 1e-4;
      const double slope = (activate(act, x + h) - activate(act, x - h)) / (2 * h);
      EXPECT_NEAR(activation_gradient(act, x), slope, 1e-7) << act << " at " << x;
    }
  }
}

TEST(NormGrad, Agrees) {
  struct Case {
    int rows;
    int groups;
    int dim;
  };
  for (const Case& c : {Case{0, 1, 8}, {1, 1, 1}, {7, 1, 37}, {5, 3, 16}, {64, 1, 300}}) {
    for (const uint centred : {0U, 1U}) {
      for (const Fill fill : {Fill::normal, Fill::massive, Fill::massive_zero}) {
        NormGradParams p{static_cast<uint>(c.rows),   static_cast<uint>(c.dim), 1e-5F,
                         static_cast<uint>(c.groups), c.groups > 1 ? 1U : 0U,   centred};
        const Operand weight = p.apart != 0 ? f32({c.groups, c.dim}) : f32({c.dim});
        const Shape shape{c.rows, c.groups * c.dim};
        check_op({.op = OpCode::norm_grad,
                  .in = {f32(shape, fill), weight, f32(shape)},
                  .params = ParamBytes(p)});
        check_op({.op = OpCode::norm_grad,
                  .in = {f32(shape, fill), absent(), f32(shape)},
                  .params = ParamBytes(p)});
      }
    }
  }
}

TEST(Dyt, AgreesWithItsGradient) {
  for (const auto& [rows, dim] : {std::pair{0, 4}, {1, 1}, {5, 37}, {40, 129}}) {
    for (const Fill fill : kSomeFills) {
      const ParamBytes params(MatrixParams{static_cast<uint>(rows), static_cast<uint>(dim)});
      const Operand x = f32({rows, dim}, fill);
      check_op({.op = OpCode::dyt, .in = {x, f32({1}), f32({dim}), f32({dim})}, .params = params});
      check_op({.op = OpCode::dyt, .in = {x, f32({1}), absent(), absent()}, .params = params});
      check_op({.op = OpCode::dyt_grad,
                .in = {x, f32({1}), f32({dim}), f32({rows, dim})},
                .params = params});
    }
  }
}

TEST(Gate, AgreesWithItsGradient) {
  for (const auto& [rows, groups, dim] : {std::array{1, 1, 1}, {7, 3, 5}, {70, 2, 33}}) {
    for (const uint act : {TEPUI_ACT_NONE, TEPUI_ACT_SIGMOID}) {
      const ParamBytes params(GateParams{static_cast<uint>(rows), static_cast<uint>(groups),
                                         static_cast<uint>(dim), act});
      const std::int64_t width = std::int64_t{groups} * dim;
      const Operand x = f32({rows, width}, Fill::massive);
      for (const bool alone : {false, true}) {
        const Operand of = alone ? absent() : f32({rows, width});
        const Operand weight = alone ? absent() : f32({width});
        check_op({.op = OpCode::gate, .in = {x, f32({groups}), of, weight}, .params = params});
        check_op({.op = OpCode::gate_grad,
                  .in = {x, f32({groups}), of, weight, f32({rows, width})},
                  .params = params});
      }
    }
  }
}

OpCase attention_case(std::vector<double> offsets, uint heads, uint kv_heads, uint head_dim,
                      uint window, Fill fill = Fill::normal) {
  const auto rows = static_cast<std::int64_t>(offsets.back());
  const AttentionParams p{.rows = static_cast<uint>(rows),
                          .heads = heads,
                          .kv_heads = kv_heads,
                          .head_dim = head_dim,
                          .sequences = static_cast<uint>(offsets.size() - 1),
                          .scale = 1 / std::sqrt(static_cast<float>(head_dim)),
                          .window = window};
  const std::int64_t q = std::int64_t{heads} * head_dim;
  const std::int64_t kv = std::int64_t{kv_heads} * head_dim;
  return {.op = OpCode::attention_grad,
          .in = {f32({rows, q}, fill), f32({rows, kv}), f32({rows, kv}, fill),
                 i32(std::move(offsets)), f32({rows, q})},
          .params = ParamBytes(p)};
}

TEST(AttentionGrad, Agrees) {
  check_op(attention_case({0, 1}, 1, 1, 1, 0));
  check_op(attention_case({0, 5, 5, 12}, 2, 2, 8, 0));
  check_op(attention_case({0, 70}, 2, 1, 20, 0));
  check_op(attention_case({0, 33, 120}, 4, 2, 16, 7));
  check_op(attention_case({0, 20}, 2, 2, 8, 0, Fill::massive));
  check_op(attention_case({0, 10}, 1, 1, 80, 3));
}

// Several blocks of keys and several tiles of queries.
TEST(AttentionGrad, AgreesOnLongSequences) {
  check_op(attention_case({0, 300}, 1, 1, 8, 0));
  check_op(attention_case({0, 290}, 1, 1, 4, 270));
}

TEST(EmbedGrad, Agrees) {
  for (const auto& [rows, dim] : {std::pair{1, 1}, {9, 37}, {300, 70}}) {
    std::vector<double> ids;
    for (int r = 0; r < rows; ++r) ids.push_back(r * r % 11);
    check_op(
        {.op = OpCode::embed_grad,
         .in = {i32(ids), f32({rows, dim}, Fill::wide)},
         .params = ParamBytes(EmbedParams{static_cast<uint>(rows), static_cast<uint>(dim), 13})});
  }
}

// States as cross_entropy gives them, one row that counts for nothing, and one without a target.
std::vector<double> states(uint rows) {
  std::vector<double> state;
  for (uint r = 0; r < rows; ++r) {
    const double largest = 3.5 * (r % 7) - 4;
    state.insert(state.end(), {largest, 1 + 0.37 * r, largest - 0.25 * (r % 5)});
  }
  return state;
}

std::vector<double> row_weights(uint rows) {
  std::vector<double> weight;
  for (uint r = 0; r < rows; ++r) weight.push_back(r % 4 == 3 ? 0 : 0.5 + r % 3);
  return weight;
}

TEST(Nll, Agrees) {
  for (const uint rows : {0U, 1U, 200U}) {
    for (const OpCode op : {OpCode::nll, OpCode::nll_grad}) {
      const Operand state = exact(DType::f32, {rows, 3}, states(rows));
      const ParamBytes params(LossParams{rows, 3});
      check_op({.op = op, .in = {state, absent()}, .params = params});
      check_op({.op = op,
                .in = {state, exact(DType::f32, {rows}, row_weights(rows))},
                .params = params});
    }
  }
}

TEST(CrossEntropyGrad, Agrees) {
  for (const uint tile : {1U, 7U, 65U, 1003U}) {
    const uint rows = 9;
    std::vector<double> targets;
    std::vector<double> normaliser;
    for (uint r = 0; r < rows; ++r) {
      targets.push_back(r == 2 ? -1.0 : 100.0 + r * tile / 7);
      normaliser.insert(normaliser.end(), {3.0 + r, r == 4 ? 0 : 0.125 * (r + 1)});
    }
    check_op({.op = OpCode::cross_entropy_grad,
              .in = {f32({rows, tile}), i32(targets), exact(DType::f32, {rows, 2}, normaliser)},
              .params = ParamBytes(TileParams{rows, tile, 100})});
  }
}

TEST(SquaredError, Agrees) {
  for (const auto& [rows, dim] : {std::pair{0U, 4U}, {1U, 1U}, {40U, 37U}, {3U, 1000U}}) {
    for (const OpCode op : {OpCode::squared_error, OpCode::squared_error_grad}) {
      const ParamBytes params(LossParams{rows, dim});
      for (const Fill fill : kSomeFills) {
        check_op({.op = op,
                  .in = {f32({rows, dim}, fill), f32({rows, dim}),
                         exact(DType::f32, {rows}, row_weights(rows))},
                  .params = params});
      }
      check_op({.op = op, .in = {f32({rows, dim}), f32({rows, dim}), absent()}, .params = params});
    }
  }
}

TEST(Dropout, Agrees) {
  for (const std::int64_t count : {0, 1, 1000, 40000}) {
    check_op(
        {.op = OpCode::dropout,
         .in = {f32({count}), exact(DType::u32, {2}, {12345, 4000000000.0})},
         .params = ParamBytes(DropoutParams{static_cast<uint>(count), 3, 1U << 30, 4.0F / 3})});
  }
}

// The share that is dropped, and no two streams alike.
TEST(Dropout, DropsItsShare) {
  const uint count = 100000;
  uint dropped = 0;
  uint both = 0;
  for (uint i = 0; i < count; ++i) {
    const bool one = pcg3d_word(i, 1, 7) < 1U << 30;
    const bool other = pcg3d_word(i, 2, 7) < 1U << 30;
    dropped += one ? 1 : 0;
    both += one && other ? 1 : 0;
  }
  EXPECT_NEAR(dropped / static_cast<double>(count), 0.25, 0.006);
  EXPECT_NEAR(both / static_cast<double>(count), 0.0625, 0.004);
}

TEST(SumSquares, Agrees) {
  for (const std::int64_t count : {0, 1, 1000, 70001}) {
    for (const Fill fill : kSomeFills) {
      const ParamBytes params(SumSquaresParams{static_cast<uint>(count)});
      check_op({.op = OpCode::sum_squares, .in = {f32({count}, fill), absent()}, .params = params});
      check_op({.op = OpCode::sum_squares,
                .in = {f32({count}, fill), exact(DType::f32, {1}, {2.5})},
                .params = params});
    }
  }
}

TEST(ClipFactor, Agrees) {
  for (const double total : {0.0, 0.25, 1.0, 1e-30, 9e10}) {
    for (const float limit : {0.0F, 1.0F, 0.1F}) {
      check_op({.op = OpCode::clip_factor,
                .in = {exact(DType::f32, {1}, {total})},
                .params = ParamBytes(ClipParams{limit})});
    }
  }
}

TEST(Adamw, Agrees) {
  for (const std::int64_t count : {0, 1, 1000}) {
    std::vector<double> squares;
    for (std::int64_t i = 0; i < count; ++i)
      squares.push_back(i % 9 == 0 ? 0
                                   : std::ldexp(1.0 + 0.01 * static_cast<double>(i % 50),
                                                static_cast<int>(i % 40) - 30));
    const auto n = static_cast<uint>(count);
    const Operand v = exact(DType::f32, {count}, squares);
    check_op({.op = OpCode::moments,
              .in = {f32({count}), f32({count}), v, exact(DType::f32, {2}, {3, 0.3125})},
              .params = ParamBytes(MomentsParams{n, 0.9F, 0.1F, 0.999F, 0.001F})});
    check_op({.op = OpCode::adamw,
              .in = {f32({count}), f32({count}), v, exact(DType::f32, {3}, {1e-3, 2e-3, 3.5})},
              .params = ParamBytes(AdamwParams{n, 1e-8F, 0.1F})});
  }
}

}  // namespace
}  // namespace tepui::test
