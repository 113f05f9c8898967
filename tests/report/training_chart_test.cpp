// SPDX-License-Identifier: MIT
#include "report/training_chart.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/paths.h"

namespace tepui {
namespace {

TrainingSource planted_training(int watched) {
  TrainingSource source;
  source.folder = "runs/planted/";
  for (int step = 0; step < 2000; ++step) source.log.steps.push_back({step, 4.0 - 0.001 * step});
  source.log.evaluations = {{0, 4, 4.5}, {1999, 2, 2.25}};
  for (int i = 0; i < watched; ++i) {
    CheckpointState& state = source.watched.states.emplace_back();
    state.checkpoint.step = 100 * i;
    state.loss = 4 - 0.1 * i;
    state.start_loss = 5;
    state.other_loss = 3;
    const double ratio = 1000 * (1 - std::exp(-0.5 * i)) + 1 + (i % 2);
    state.layers.push_back({.median = 2, .top = 2 * ratio, .top_median = ratio, .ratio = ratio});
    state.layers.push_back({.median = 2, .top = 10, .top_median = 5, .ratio = 5});
    state.weights = {{1, "q", "deviation", 0.02}, {1, "q", "kurtosis", 3.0 + i}};
  }
  return source;
}

TEST(TrainingChart, HoldsTheSeries) {
  const ChartJson run = training_run(planted_training(12), "planted");
  EXPECT_EQ(
      run["finding"],
      "Trained for 1999 steps: validation loss 2.2500 nats a token, 2.0000 on training data.\n"
      "The largest |x| over the median peaks at 998 in layer 0, step 1100. It goes above 100 "
      "first in layer 0, at step 100, and in 1 of 2 layers.\n"
      "Rank correlation of the largest ratio with the loss -1.000, with the gap at sentence "
      "starts - (12 checkpoints).\n");
  const ChartJson& training = run["training"];
  EXPECT_EQ(training["log"]["thinned"], 3);
  EXPECT_EQ(training["log"]["step"].size(), 667U);
  EXPECT_EQ(training["log"]["loss"][0], 3.999);  // the mean of three
  EXPECT_EQ(training["evaluations"]["validation"], (ChartJson{4.5, 2.25}));
  const ChartJson& layers = training["watched"]["layers"];
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_EQ(layers[0]["onset"], 100);
  EXPECT_EQ(layers[1]["onset"], nullptr);
  EXPECT_EQ(layers[0]["median"].size(), 12U);
  EXPECT_EQ(layers[0]["fit"]["best"], "first-order");
  EXPECT_EQ(layers[0]["fit"]["curves"][0]["values"].size(), 120U);
  EXPECT_GE(layers[1]["fit"]["missing"].size(), 5U);
  EXPECT_EQ(training["watched"]["weights"][0]["kurtosis"][11], 14);
}

TEST(TrainingChart, ThinsManySteps) {
  TrainingSource source = planted_training(602);
  for (CheckpointState& state : source.watched.states)
    state.layers = {{.median = 2, .top = 10, .top_median = 5, .ratio = 5}};  // nothing to fit
  const ChartJson run = training_run(source, "planted");
  const ChartJson& watched = run["training"]["watched"];
  EXPECT_EQ(watched["steps"].size(), 301U + 1);  // the last one, too
  EXPECT_EQ(watched["left_out"], 300);
  EXPECT_EQ(watched["steps"].back(), 60100);
}

TEST(TrainingChart, ARunThatWatchedNothing) {
  const ChartJson run = training_run(planted_training(0), "planted");
  EXPECT_EQ(run["training"]["watched"], nullptr);
  EXPECT_NE(run["finding"].get<std::string>().find("No step was watched"), std::string::npos);
  EXPECT_EQ(training_labels({planted_training(0)}), std::vector<std::string>{"planted"});
}

TEST(TrainingChart, LogsAreRead) {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "training.jsonl";
  test::write_file(file,
                   "{\"step\":0,\"validation_loss\":4.5,\"training_loss\":4}\n"
                   "{\"step\":0,\"loss\":null}\n{\"step\":1,\"lo");
  const auto log = read_training_log(file);
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(log->evaluations.size(), 1U);
  ASSERT_EQ(log->steps.size(), 1U);
  EXPECT_TRUE(std::isnan(log->steps[0].loss));
  test::write_file(file, "{\"step\":0}\n[]\n");
  EXPECT_EQ(read_training_log(file).error().message,
            file.string() + ": line 2: expected an object with a step");
}

}  // namespace
}  // namespace tepui
