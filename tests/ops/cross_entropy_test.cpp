// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

constexpr double kNothing = -INFINITY;

// Rows that start afresh and rows that go on; targets before, in and after the tile, and none.
OpCase tile_case(uint rows, uint tile, uint first, Fill fill) {
  std::vector<double> targets;
  std::vector<double> state;
  for (uint r = 0; r < rows; ++r) {
    const double column = r * 5 % (tile + 4);
    targets.push_back(r % 4 == 3 ? -1 : static_cast<double>(first) - 2 + column);
    if (targets.back() < -1) targets.back() = 0;
    const std::vector<double> start = r % 2 == 0 ? std::vector<double>{kNothing, 0, 0}
                                                 : std::vector<double>{0.5 * r - 2, 1.75, -1.5};
    state.insert(state.end(), start.begin(), start.end());
  }
  return {.op = OpCode::cross_entropy,
          .in = {f32({rows, tile}, fill), i32(targets), exact(DType::f32, {rows, 3}, state)},
          .params = ParamBytes(TileParams{rows, tile, first})};
}

TEST(CrossEntropy, Agrees) {
  for (const uint tile : {1U, 7U, 64U, 1000U, 5003U}) {
    for (const uint rows : {0U, 1U, 9U}) {
      for (const Fill fill : {Fill::normal, Fill::wide, Fill::ties}) {
        check_op(tile_case(rows, tile, 0, fill));
        check_op(tile_case(rows, tile, 4096, fill));
      }
    }
  }
  check_op(tile_case(70000, 3, 2, Fill::normal));
}

TEST(CrossEntropy, NothingYetAndNothingThere) {
  check_op({.op = OpCode::cross_entropy,
            .in = {exact(DType::f32, {2, 2}, {kNothing, kNothing, kNothing, 3}), i32({0, 0}),
                   exact(DType::f32, {2, 3}, {kNothing, 0, 0, kNothing, 0, 0})},
            .params = ParamBytes(TileParams{2, 2, 0})});
}

// Two tiles folded one after the other give the loss of the whole row.
TEST(CrossEntropy, Definition) {
  const std::vector<double> logits{1, -2, 0.5, 3, -1};
  double sum = 0;
  for (const double x : logits) sum += std::exp(x);
  const OpData first = make_data({.op = OpCode::cross_entropy,
                                  .in = {exact(DType::f32, {1, 3}, {1, -2, 0.5}), i32({3}),
                                         exact(DType::f32, {1, 3}, {kNothing, 0, 0})},
                                  .params = ParamBytes(TileParams{1, 3, 0})});
  OpData second = make_data(
      {.op = OpCode::cross_entropy,
       .in = {exact(DType::f32, {1, 2}, {3, -1}), i32({3}), exact(DType::f32, {1, 3}, {0, 0, 0})},
       .params = ParamBytes(TileParams{1, 2, 3})});
  second.tensors[2] = run_reference(first)[0];
  const auto state = output<float>(run_reference(second), 0);
  EXPECT_EQ(state[0], 3);
  EXPECT_EQ(state[2], 3);
  EXPECT_NEAR(static_cast<double>(state[0] + std::log(state[1]) - state[2]), std::log(sum) - 3,
              1e-6);
}

}  // namespace
}  // namespace tepui::test
