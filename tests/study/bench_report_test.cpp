// SPDX-License-Identifier: MIT
// Figures of a benchmark from the times of its rounds.
#include "study/bench_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tepui {
namespace {

// Tokens a second of runs of 10 tokens.
nlohmann::ordered_json speed_of(const std::vector<double>& seconds) {
  BenchResult result;
  result.layers = 1;
  result.of_layers = 1;
  result.devices.emplace_back();
  BenchRow row;
  row.backend = "cpu";
  row.length = 10;
  row.sequences = 1;
  row.plain = seconds;
  row.measured = seconds;
  row.peaks = std::vector<double>(seconds.size(), 1);
  result.rows.push_back(row);
  return bench_json(result)["rows"][0]["tokens_per_second"];
}

TEST(BenchReport, TheMedianOfAnEvenNumberIsBetweenTheTwoInTheMiddle) {
  EXPECT_DOUBLE_EQ(speed_of({1, 2, 5})["median"].get<double>(), 5);
  EXPECT_DOUBLE_EQ(speed_of({1, 10, 2, 5})["median"].get<double>(), 3.5);
  EXPECT_DOUBLE_EQ(speed_of({1, 2})["median"].get<double>(), 7.5);
}

}  // namespace
}  // namespace tepui
