// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "support/select_cases.h"

namespace tepui::test {
namespace {

constexpr double kNoChance = -INFINITY;

OpCase tile_case(uint rows, uint tile, Fill fill) {
  std::vector<double> state;
  for (uint r = 0; r < rows; ++r) {
    const std::vector<double> start = r % 2 == 0
                                          ? std::vector<double>{kNoChance, 0, 0}
                                          : std::vector<double>{0.5 * (r % 40) - 2, 1.75, -1.5};
    state.insert(state.end(), start.begin(), start.end());
  }
  return {.op = OpCode::divergence,
          .in = {f32({rows, tile}, fill), f32({rows, tile}, Fill::normal),
                 exact(DType::f32, {rows, 3}, state)},
          .params = ParamBytes(TileParams{rows, tile, 0})};
}

TEST(Divergence, Agrees) {
  for (const uint tile : {1U, 7U, 64U, 1000U, 5003U}) {
    for (const uint rows : {0U, 1U, 9U}) {
      for (const Fill fill : {Fill::normal, Fill::wide, Fill::ties})
        check_op(tile_case(rows, tile, fill));
    }
  }
  check_op(tile_case(70000, 3, Fill::normal));
}

TEST(Divergence, ImpossibleTokens) {
  check_op({.op = OpCode::divergence,
            .in = {exact(DType::f32, {2, 3}, {kNoChance, 1, 0, kNoChance, kNoChance, kNoChance}),
                   exact(DType::f32, {2, 3}, {kNoChance, 2, kNoChance, 0, kNoChance, 1}),
                   exact(DType::f32, {2, 3}, {kNoChance, 0, 0, kNoChance, 0, 0})},
            .params = ParamBytes(TileParams{2, 3, 0})});
}

// In two tiles, KL(p || q) of p = (1/2, 1/3, 1/6) and q = (1/6, 1/2, 1/3).
TEST(Divergence, Definition) {
  const double p[] = {0.5, 1 / 3.0, 1 / 6.0};
  const double q[] = {1 / 6.0, 0.5, 1 / 3.0};
  double expected = 0;
  for (int i = 0; i < 3; ++i) expected += p[i] * std::log(p[i] / q[i]);
  const auto fold = [&](std::vector<double> own, std::vector<double> other,
                        std::vector<double> state) {
    const auto tile = static_cast<uint>(own.size());
    return output<float>(
        run_reference(make_data({.op = OpCode::divergence,
                                 .in = {exact(DType::f32, {1, tile}, std::move(own)),
                                        exact(DType::f32, {1, tile}, std::move(other)),
                                        exact(DType::f32, {1, 3}, std::move(state))},
                                 .params = ParamBytes(TileParams{1, tile, 0})})),
        0);
  };
  // Logits are logarithms of probabilities up to a constant, 5 for p and -3 for q.
  const auto first = fold({std::log(p[0]) + 5}, {std::log(q[0]) - 3}, {kNoChance, 0, 0});
  const auto last = fold({std::log(p[1]) + 5, std::log(p[2]) + 5},
                         {std::log(q[1]) - 3, std::log(q[2]) - 3}, {first.begin(), first.end()});
  EXPECT_NEAR(static_cast<double>(last[2]) / static_cast<double>(last[1]) - 5 - 3, expected, 1e-5);
}

}  // namespace
}  // namespace tepui::test
