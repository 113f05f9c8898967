// SPDX-License-Identifier: MIT
#include "ops/agreement.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/op_data.h"

namespace tepui::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Agreement compared(const std::vector<double>& expected, const std::vector<double>& found,
                   std::vector<double> bounds = {}) {
  const auto n = static_cast<std::int64_t>(expected.size());
  const HostTensor a = make_tensor(exact(DType::f32, {n}, expected), 0);
  const HostTensor b = make_tensor(exact(DType::f32, {n}, found), 0);
  return compare(a.view(), b.view(), bounds);
}

TEST(Agreement, TheWorstElementIsThatWithTheLargestShare) {
  const Agreement some = compared({1, 2, 4}, {1.25, 2.5, 4.25}, {1, 1, 0.25});
  EXPECT_EQ(some.worst, 2);
  EXPECT_EQ(some.worst_share, 1);
  EXPECT_TRUE(some.agrees());
  const Agreement beyond = compared({1, 2, 4}, {1.25, 4, 4}, {1, 1, 0.25});
  EXPECT_EQ(beyond.worst, 1);
  EXPECT_EQ(beyond.worst_share, 2);
  EXPECT_FALSE(beyond.agrees());
}

TEST(Agreement, EqualBitsAgreeWhateverTheBound) {
  const Agreement equal = compared({1, kInfinity, kNan}, {1, kInfinity, kNan}, {0, 0, 0});
  EXPECT_EQ(equal.worst, -1);
  EXPECT_EQ(equal.worst_share, 0);
}

TEST(Agreement, WhatIsNotFiniteOnOneSideNeverAgrees) {
  for (const double odd : {kInfinity, -kInfinity, kNan}) {
    EXPECT_EQ(compared({1}, {odd}, {kInfinity}).worst_share, kInfinity);
    EXPECT_EQ(compared({odd}, {1}, {kInfinity}).worst_share, kInfinity);
  }
}

TEST(Agreement, WithoutBoundsEveryBitCounts) {
  EXPECT_TRUE(compared({0, 1}, {0, 1}).agrees());
  EXPECT_EQ(compared({0, 1}, {-0.0, 1}).worst, 0);
  EXPECT_FALSE(compared({0, 1}, {-0.0, 1}).agrees());
  // Where there is a bound, zeros of both signs are one value.
  EXPECT_TRUE(compared({0}, {-0.0}, {0}).agrees());
}

TEST(Agreement, ABoundOfNothingAllowsNothing) {
  EXPECT_EQ(compared({1}, {std::nextafter(1.0F, 2.0F)}, {0}).worst_share, kInfinity);
}

}  // namespace
}  // namespace tepui::test
