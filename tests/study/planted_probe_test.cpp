// SPDX-License-Identifier: MIT
// A whole probe with its controls on planted rows: the feature that is there is found, the control
// task, which is about types that the rows say nothing of, is not.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "study/probe_unit.h"
#include "support/planted_rows.h"
#include "train/net_loss.h"

namespace tepui::test {
namespace {

class PlantedProbe : public testing::Test {
 protected:
  static constexpr int kTokens = 1200;
  static constexpr int kPerSequence = 40;
  static constexpr int kTypes = 30;

  // The mean over seeds of a metric.
  static double mean_of(const ProbeResult& result, const std::string& metric) {
    double sum = 0;
    int count = 0;
    for (const ProbeRow& row : result.rows) {
      if (row.metric != metric || row.seed < 0) continue;
      sum += row.value;
      ++count;
    }
    EXPECT_EQ(count, 5) << metric;
    return sum / count;
  }

  ProbeResult train(const std::vector<int>& labels, const std::string& kind) {
    const PlantedRows data = planted_rows(kTokens);
    const MemoryRows rows = data.rows();
    ProbeTarget target;
    target.name = "planted";
    target.classes = {"a", "b", "c"};
    target.labels = labels.empty() ? data.labels : labels;
    std::vector<int> sequences;
    std::vector<std::int32_t> types;
    for (int token = 0; token < kTokens; ++token) {
      sequences.push_back(token / kPerSequence);
      types.push_back(static_cast<std::int32_t>(
          planted_unit(5'000'000 + static_cast<std::uint64_t>(token)) * kTypes));
    }
    HostNetLossFactory losses;
    const ProbeData all{rows, sequences, types,   target,
                        {},   losses,    nullptr, std::uint64_t{1} << 24};
    const auto kinds = parse_probes(kind, {}, "--probe");
    EXPECT_TRUE(kinds);
    ProbeSettings settings;
    settings.fit.solver.tolerance = 1e-5;
    auto result = train_probe(all, kinds->front(), parse_features("standardised", "").value(),
                              settings, nullptr);
    EXPECT_TRUE(result) << result.error().message;
    return *std::move(result);
  }
};

TEST_F(PlantedProbe, ALinearFeatureIsFoundAndAControlTaskIsNot) {
  const ProbeResult found = train({}, "linear");
  const double majority = mean_of(found, "majority");
  EXPECT_GT(mean_of(found, "accuracy"), 0.85);
  EXPECT_LT(majority, 0.5);
  EXPECT_LT(mean_of(found, "control"), majority + 0.1);
  EXPECT_LT(mean_of(found, "random_labels"), majority + 0.1);
  EXPECT_GT(mean_of(found, "selectivity"), 0.35);
  EXPECT_GT(mean_of(found, "compression"), 1.5);
}

// Labels that are not in the rows: nothing is found, and nothing is compressed.
TEST_F(PlantedProbe, WhatIsNotThereIsNotFound) {
  std::vector<int> labels;
  for (std::uint64_t token = 0; token < kTokens; ++token)
    labels.push_back(static_cast<int>(planted_unit(7'000'000 + token) * 3));
  const ProbeResult found = train(labels, "linear");
  EXPECT_LT(mean_of(found, "accuracy"), mean_of(found, "majority") + 0.05);
  EXPECT_LT(std::abs(mean_of(found, "selectivity")), 0.1);
  EXPECT_LT(mean_of(found, "compression"), 1.05);
}

}  // namespace
}  // namespace tepui::test
