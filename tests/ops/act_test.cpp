// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>

#include "ops/activation.h"
#include "support/op_harness.h"

namespace tepui::test {
namespace {

constexpr Fill kFills[] = {Fill::normal, Fill::massive, Fill::wide, Fill::ties};

TEST(Act, Agrees) {
  for (uint act = TEPUI_ACT_NONE; act <= TEPUI_ACT_SIGMOID; ++act) {
    for (const auto& [rows, dim] : {std::pair{0, 4}, {1, 1}, {3, 37}, {64, 129}}) {
      for (const Fill fill : kFills) {
        check_op({.op = OpCode::act,
                  .in = {f32({rows, dim}, fill)},
                  .params = ParamBytes(ActParams{static_cast<uint>(rows * dim), act})});
      }
    }
  }
}

TEST(ActMul, Agrees) {
  for (uint act = TEPUI_ACT_NONE; act <= TEPUI_ACT_SIGMOID; ++act) {
    for (const auto& [rows, dim] : {std::pair{0, 4}, {1, 1}, {3, 37}, {64, 129}}) {
      for (const Fill fill : kFills) {
        check_op({.op = OpCode::act_mul,
                  .in = {f32({rows, dim}, fill), f32({rows, dim}, Fill::normal)},
                  .params = ParamBytes(ActParams{static_cast<uint>(rows * dim), act})});
      }
    }
  }
}

// Every range in which an implementation may switch method, densely.
TEST(Act, AgreesOverTheWholeRange) {
  std::vector<double> values;
  for (double x = -120; x <= 120; x += 0.01) values.push_back(x);
  for (int e = -126; e < 40; ++e) {
    for (const double m : {1.0, 1.3, 1.9}) {
      values.push_back(std::ldexp(m, e));
      values.push_back(-std::ldexp(m, e));
    }
  }
  const auto count = static_cast<std::int64_t>(values.size());
  for (uint act = TEPUI_ACT_NONE; act <= TEPUI_ACT_SIGMOID; ++act) {
    check_op({.op = OpCode::act,
              .in = {exact(DType::f32, {count}, values)},
              .params = ParamBytes(ActParams{static_cast<uint>(count), act})});
  }
}

TEST(Act, Definition) {
  EXPECT_NEAR(activate(TEPUI_ACT_SILU, 1), 0.7310585786300049, 1e-15);
  EXPECT_NEAR(activate(TEPUI_ACT_SILU, -1), -0.2689414213699951, 1e-15);
  EXPECT_NEAR(activate(TEPUI_ACT_GELU_ERF, 1), 0.8413447460685429, 1e-15);
  EXPECT_NEAR(activate(TEPUI_ACT_GELU_ERF, -1), -0.1586552539314571, 1e-15);
  EXPECT_NEAR(activate(TEPUI_ACT_GELU_TANH, 1), 0.8411919906082768, 1e-15);
  EXPECT_EQ(activate(TEPUI_ACT_RELU, -2), 0);
  EXPECT_EQ(activate(TEPUI_ACT_RELU, 2), 2);
  EXPECT_EQ(activate(TEPUI_ACT_NONE, -2), -2);
}

// The factor that `linear` stretches its error by is never exceeded.
TEST(Act, SlopeIsALipschitzConstant) {
  for (uint act = TEPUI_ACT_NONE; act <= TEPUI_ACT_SIGMOID; ++act) {
    for (double x = -10; x < 10; x += 1e-3) {
      const double slope = (activate(act, x + 1e-3) - activate(act, x)) / 1e-3;
      EXPECT_LE(std::abs(slope), activation_slope(act) + 1e-9) << act << " at " << x;
    }
  }
}

}  // namespace
}  // namespace tepui::test
