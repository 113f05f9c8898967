// SPDX-License-Identifier: MIT
#include "study/emergence.h"

#include <gtest/gtest.h>

#include <cmath>

#include "study/coherence.h"
#include "study/emergence_fit.h"
#include "study/sentence_starts.h"
#include "study/zeroing.h"
#include "support/paths.h"

namespace tepui::test {
namespace {

std::vector<CheckpointState> with_ratios(const std::vector<double>& ratios) {
  std::vector<CheckpointState> states;
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    CheckpointState& state = states.emplace_back();
    state.checkpoint.step = 100 * static_cast<std::int64_t>(i);
    state.layers.emplace_back().ratio = ratios[i];
  }
  return states;
}

// One checkpoint above the threshold by itself is no onset, but at the end.
TEST(Emergence, OnsetPeakAndEnd) {
  const LayerCourse rises = courses(with_ratios({5, 120, 90, 150, 400, 300}), 100).front();
  EXPECT_EQ(rises.onset, 300);
  EXPECT_EQ(rises.peak_step, 400);
  EXPECT_EQ(rises.peak, 400);
  EXPECT_EQ(rises.end, 300);
  EXPECT_EQ(courses(with_ratios({5, 6, 120}), 100).front().onset, 200);
  EXPECT_FALSE(courses(with_ratios({5, 120, 7}), 100).front().onset);
  EXPECT_FALSE(courses(with_ratios({5, 100, 100}), 100).front().onset);
}

TEST(Emergence, CheckpointsGoByTheirNumber) {
  const TemporaryFolder folder;
  for (const char* name : {"step-000100", "initial", "step-20", "notes", "log-7"})
    std::filesystem::create_directories(folder.path() / name);
  for (const char* name : {"step-000100", "initial", "step-20", "notes"})
    write_file(folder.path() / name / "config.json", "{}");
  write_file(folder.path() / "ckpt_50.pt", "");
  const auto found = find_checkpoints(folder.path());
  ASSERT_TRUE(found) << found.error().message;
  std::vector<std::int64_t> steps;
  for (const Checkpoint& checkpoint : *found) steps.push_back(checkpoint.step);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{0, 20, 50, 100}));
  std::filesystem::create_directories(folder.path() / "other-100");
  write_file(folder.path() / "other-100" / "config.json", "{}");
  const auto twice = find_checkpoints(folder.path());
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message.find("expected one checkpoint of step 100"), std::string::npos);
}

Emergence with_course(Curve curve, const std::vector<double>& parameters, int points) {
  Emergence emergence;
  std::vector<double> gradient(parameters.size());
  for (int i = 0; i < points; ++i) {
    CheckpointState& state = emergence.states.emplace_back();
    state.checkpoint.step = 100 * i;
    const double value =
        curve_at(curve, parameters, 100 * i, gradient) * (1 + (i % 2 == 0 ? 0.01 : -0.01));
    LayerState& layer = state.layers.emplace_back();
    layer.top_median = layer.ratio = value;
  }
  return emergence;
}

TEST(Emergence, CurvesHaveParametersAndAPeak) {
  const Emergence emergence = with_course(Curve::emergence, {900, 0.15, 8e-3, 0.4, 700}, 30);
  const auto curves = emergence_json(emergence)["layers"][0]["curves"];
  EXPECT_EQ(curves["least_aic"], "emergence");
  const auto& fit = curves["emergence"];
  const auto off = [&](const char* name, double planted) {
    const auto& found = fit["parameters"][name];
    return std::abs(found["value"].get<double>() - planted) / found["standard_error"].get<double>();
  };
  EXPECT_LT(off("A", 900), 3);
  EXPECT_LT(off("lambda", 0.15), 3);
  EXPECT_LT(off("K", 700), 3);
  const double peak = peak_step(0.15, 8e-3, 0.4).step;
  EXPECT_NEAR(fit["peak_step"]["value"].get<double>(), peak, 0.05 * peak);
  const std::string text = emergence_text(emergence);
  EXPECT_NE(text.find("layer  least AIC     R2  emergence"), std::string::npos) << text;
  EXPECT_NE(text.find("f(t) = A e^(-lambda x) ln(x) + K"), std::string::npos) << text;
}

TEST(Emergence, CurvesSayWhatTheyLack) {
  const Emergence emergence = with_course(Curve::first_order, {900, 150}, 5);
  const std::string text = emergence_text(emergence);
  EXPECT_NE(text.find("\nno emergence curve in layer 0: too few points: needs 8, found 5\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("f(t) ="), std::string::npos) << text;
  const auto curves = emergence_json(emergence)["layers"][0]["curves"];
  EXPECT_EQ(curves["least_aic"], "first-order");
  EXPECT_EQ(curves["under-damped"]["failure"], "too few points: needs 6, found 5");
  EXPECT_FALSE(curves["emergence"].contains("parameters"));
}

// The large channels of every layer above the threshold; of none the largest one's own channel.
TEST(Emergence, WhatIsZeroedIsMassive) {
  CheckpointState state;
  state.layers.resize(4);
  const double ratios[] = {20, 150, 400, 90};
  for (std::size_t i = 0; i < 4; ++i) {
    state.layers[i].ratio = ratios[i];
    state.layers[i].channel = static_cast<std::int64_t>(i);
  }
  state.layers[1].large_channels = {7, 1};
  state.layers[2].large_channels = {2};
  EXPECT_EQ(zeroing_edits(state).first_edit, "resid_post.1:largest:1,7=zero");
  EXPECT_TRUE(zeroing_edits(state).massive);
  EXPECT_EQ(zeroing_edits(state).every_edit,
            "resid_post.1:largest:1,7=zero;resid_post.2:largest:2=zero");
  state.layers[1].ratio = state.layers[2].ratio = 30;
  EXPECT_EQ(zeroing_edits(state).first_edit, "resid_post.3:largest:3=zero");
  EXPECT_FALSE(zeroing_edits(state).massive);
  EXPECT_EQ(zeroing_edits(state).every_edit, "resid_post.3:largest:3=zero");
}

TEST(Emergence, SentencesStartBehindTheirEnds) {
  const std::vector<std::string> tokens = {"The", " cat", ".",    " It", " sat", "!\"",
                                           " \"", "Why",  "?",    "\n",  "3.",   "14",
                                           " is", " pi",  "\n\n", "End"};
  std::vector<std::string> found;
  const std::vector<bool> starts = sentence_starts(tokens);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (starts[i]) found.push_back(tokens[i]);
  }
  EXPECT_EQ(found, (std::vector<std::string>{" It", "Why", "3.", "End"}));
}

TEST(Emergence, RanksCorrelate) {
  EXPECT_DOUBLE_EQ(rank_correlation({1, 2, 3, 4}, {10, 20, 300, 4000}), 1);
  EXPECT_DOUBLE_EQ(rank_correlation({1, 2, 3, 4}, {4, 3, 2, 1}), -1);
  EXPECT_DOUBLE_EQ(rank_correlation({1, 1, 2, 3}, {1, 2, 3, 3}), 8.0 / 9);
  EXPECT_TRUE(std::isnan(rank_correlation({1, 1, 1}, {1, 2, 3})));
}

// Between two checkpoints far apart any two quantities lie on lines.
TEST(Emergence, ALagNeedsCheckpointsOnBothSides) {
  std::vector<CheckpointState> states;
  for (const int step : {0, 1, 2, 4, 8, 16, 32, 50, 100, 150, 200}) {
    CheckpointState& state = states.emplace_back();
    state.checkpoint.step = step;
    const auto i = static_cast<double>(states.size());
    state.layers.emplace_back().ratio = 5 + std::sin(i * i);
    state.start_loss = 3 + 0.001 * step + 0.1 * std::cos(3 * i);
    state.other_loss = 2;
    state.loss = 2.5;
  }
  const auto lag = coherence(states, {}).gap_lag;
  EXPECT_TRUE(!lag || std::abs(lag->correlation) < 0.95) << lag->steps << " " << lag->correlation;
}

// The gap falls as the ratio rises, 300 steps later.
TEST(Emergence, TheGapFollowsTheRatio) {
  std::vector<CheckpointState> states;
  for (int i = 0; i < 30; ++i) {
    CheckpointState& state = states.emplace_back();
    state.checkpoint.step = 100 * i;
    const auto wave = [](double step) { return std::sin(step / 300); };
    state.layers.emplace_back().ratio = 2 + wave(100.0 * i);
    state.start_loss = 3 - wave(100.0 * i - 300);
    state.other_loss = 2;
    state.loss = 2.5;
  }
  const Coherence found = coherence(states, 500);
  EXPECT_EQ(found.checkpoints, 30U);
  ASSERT_TRUE(found.gap_lag);
  EXPECT_EQ(found.gap_lag->steps, 300);
  EXPECT_NEAR(found.gap_lag->correlation, -1, 1e-9);
  EXPECT_GT(found.gap_correlation, -0.7);
  EXPECT_TRUE(std::isnan(found.loss_correlation));
  states.resize(5);
  EXPECT_FALSE(coherence(states, 500).gap_lag);
}

}  // namespace
}  // namespace tepui::test
