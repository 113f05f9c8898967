// SPDX-License-Identifier: MIT
#include "study/emergence.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace tepui::test
