// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "train/optimiser.h"

namespace tepui::test {
namespace {

TEST(LearningRate, WarmsUpAndFallsAlongHalfACosine) {
  const ScheduleSettings s{.rate = 1, .least = 0.1, .warmup = 9, .decay_steps = 109, .steps = 200};
  EXPECT_DOUBLE_EQ(learning_rate(s, 0), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(s, 8), 0.9);
  EXPECT_DOUBLE_EQ(learning_rate(s, 9), 1);
  EXPECT_DOUBLE_EQ(learning_rate(s, 59), 0.55);
  EXPECT_DOUBLE_EQ(learning_rate(s, 109), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(s, 199), 0.1);
}

TEST(LearningRate, StableThenStraightDown) {
  const ScheduleSettings s{.kind = ScheduleKind::wsd,
                           .rate = 1,
                           .least = 0,
                           .warmup = 4,
                           .decay_steps = 10,
                           .steps = 50};
  EXPECT_DOUBLE_EQ(learning_rate(s, 3), 0.8);
  EXPECT_DOUBLE_EQ(learning_rate(s, 39), 1);
  EXPECT_DOUBLE_EQ(learning_rate(s, 40), 0.9);
  EXPECT_NEAR(learning_rate(s, 49), 0, 1e-12);
  EXPECT_DOUBLE_EQ(learning_rate({.kind = ScheduleKind::constant, .rate = 2, .steps = 5}, 4), 2);
}

}  // namespace
}  // namespace tepui::test
