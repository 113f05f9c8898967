// SPDX-License-Identifier: MIT
#include "study/emergence.h"

#include <gtest/gtest.h>

#include "study/emergence_fit.h"
#include "support/paths.h"

namespace tepui::test {
namespace {

std::vector<CheckpointState> with_ratios(const std::vector<double>& ratios) {
  std::vector<CheckpointState> states;
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    CheckpointState& state = states.emplace_back();
    state.checkpoint.step = 100 * static_cast<std::int64_t>(i);
    state.layers.push_back({.ratio = ratios[i]});
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
    state.layers.push_back({.top_median = value, .ratio = value});
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

}  // namespace
}  // namespace tepui::test
