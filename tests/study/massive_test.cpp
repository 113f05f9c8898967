// SPDX-License-Identifier: MIT
// The massive rule on planted rows: strictly more than both thresholds, per sequence, and never a
// silent loss where the run did not keep what the rule asks for.
#include "study/massive.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "study/summary.h"
#include "support/paths.h"
#include "support/planted_store.h"

namespace tepui {
namespace {

using test::PlantedPlace;

constexpr Point kPost1 = {1, Site::resid_post};

Result<ScanSummary> scan_of(int sequences, const std::vector<PlantedPlace>& places,
                            const MassiveRule& rule = {}) {
  test::TemporaryFolder folder;
  TEPUI_TRY(test::plant(folder.path(), test::planted_input(sequences), places));
  TEPUI_TRY(auto store, StoreReader::open(folder.path()));
  return summarise(store, {rule, 5});
}

TEST(Massive, BothThresholdsAreStrict) {
  const MassiveRule rule;
  EXPECT_FALSE(passes(rule, 100, 0.05));
  EXPECT_TRUE(passes(rule, -100.01, 0.05));
  EXPECT_FALSE(passes(rule, 200, 0.2));
  EXPECT_TRUE(passes(rule, std::nextafter(200, 201), 0.2));
  EXPECT_FALSE(passes(rule, 5000, 10));
  EXPECT_TRUE(passes(rule, 100.5, 0));
  EXPECT_FALSE(passes(rule, 99, 0));
}

TEST(Massive, ValuesEqualToAThresholdAreNotMassive) {
  const auto scan = scan_of(1, {{0, kPost1, 0.5F, {{0, 3, -500.5F}, {2, 7, 500.0F}}}});
  ASSERT_TRUE(scan) << scan.error().message;
  ASSERT_EQ(scan->massive.values.size(), 1U);
  const MassiveValue& value = scan->massive.values[0];
  EXPECT_EQ(value.point, kPost1);
  EXPECT_EQ(value.sequence, 0);
  EXPECT_EQ(value.position, 0);
  EXPECT_EQ(value.channel, 3);
  EXPECT_EQ(value.value, -500.5F);
  EXPECT_EQ(value.ratio, 1001.0);
  const auto equal = scan_of(1, {{0, kPost1, 0.5F, {{0, 3, -500.0F}}}});
  ASSERT_TRUE(equal);
  EXPECT_TRUE(equal->massive.values.empty());
}

// The first sequence may have had another 6, which its list of two does not tell of.
TEST(Massive, TheLargestOfAllAreAsManyAsTheListsTell) {
  const auto scan = scan_of(2, {{0, kPost1, 1, {{0, 1, 9.0F}, {1, 1, -7.0F}}},
                                {1, kPost1, 1, {{0, 1, 8.0F}, {1, 1, 4.0F}}}});
  ASSERT_TRUE(scan) << scan.error().message;
  std::vector<float> values;
  for (const TopValue& one : scan->points[0].top) values.push_back(one.value);
  EXPECT_EQ(values, (std::vector<float>{9, 8, -7}));
  EXPECT_EQ(scan->points[0].top_mean, (std::vector<double>{8.5, 5.5}));
}

TEST(Massive, EverySequenceHasItsOwnMedian) {
  const auto scan =
      scan_of(2, {{0, kPost1, 0.1F, {{0, 3, 150.0F}}}, {1, kPost1, 0.2F, {{0, 3, 150.0F}}}});
  ASSERT_TRUE(scan);
  ASSERT_EQ(scan->massive.values.size(), 1U);
  EXPECT_EQ(scan->massive.values[0].sequence, 0);
  EXPECT_EQ(scan->at(kPost1)->massive_sequences, 1);
}

TEST(Massive, AMedianOfZeroLeavesTheAbsoluteThreshold) {
  const auto scan = scan_of(1, {{0, kPost1, 0.0F, {{1, 2, 101.0F}, {0, 0, 100.0F}}}});
  ASSERT_TRUE(scan) << scan.error().message;
  ASSERT_EQ(scan->massive.values.size(), 1U);
  EXPECT_FALSE(scan->massive.values[0].ratio.has_value());
}

PlantedPlace many_values() {
  PlantedPlace place{0, kPost1, 1.0F, {}, 200};
  for (int at = 0; at < 8; ++at) place.values.push_back({at, 4, 2000.0F - static_cast<float>(at)});
  return place;
}

// Keeps the top-k short of what passes, so that the `above` rows decide.
PlaceRows rows_of(const PlantedPlace& planted, std::size_t top) {
  PlaceRows rows;
  rows.point = planted.point;
  rows.median = planted.median;
  rows.keep_ratio = planted.keep_ratio;
  for (const auto& value : planted.values) {
    const ObservationRow row{"", 0, 0, value.position, value.channel, value.value};
    if (rows.top.size() < top) rows.top.push_back(row);
    if (value.value > planted.keep_ratio * planted.median) {
      if (rows.above.size() < planted.capacity) rows.above.push_back(row);
      ++rows.above_count;
    }
  }
  return rows;
}

TEST(Massive, ValuesBeyondTheTopKComeFromTheKeptRows) {
  MassiveReport report;
  ASSERT_TRUE(judge(rows_of(many_values(), 2), {}, std::nullopt, report));
  EXPECT_EQ(report.values.size(), 8U);
  EXPECT_TRUE(report.cuts.empty());
}

TEST(Massive, ACutListIsSaid) {
  auto place = many_values();
  place.capacity = 5;
  MassiveReport report;
  ASSERT_TRUE(judge(rows_of(place, 2), {}, std::nullopt, report));
  EXPECT_EQ(report.values.size(), 5U);
  ASSERT_EQ(report.cuts.size(), 1U);
  EXPECT_EQ(report.cuts[0].listed, 5);
  EXPECT_EQ(report.cuts[0].count, 8);
}

TEST(Massive, ACutListDoesNotMatterWhereTheTopKSayAll) {
  auto place = many_values();
  place.values[7].value = 900;
  place.capacity = 2;
  MassiveReport report;
  ASSERT_TRUE(judge(rows_of(place, 8), {}, std::nullopt, report));
  EXPECT_EQ(report.values.size(), 7U);
  EXPECT_TRUE(report.cuts.empty());
}

TEST(Massive, ARuleBelowWhatWasKeptNeedsANewRun) {
  MassiveReport report;
  const auto refused = judge(rows_of(many_values(), 2), {100, 150}, std::nullopt, report);
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error().message,
      "resid_post of layer 1, sequence 0: the rule asks for all values above 150, but the run "
      "kept values above 200 there; this rule needs a new run with --keep-ratio 150 or less");
  // The absolute threshold can make up for a low ratio: all above 250 were kept.
  EXPECT_TRUE(judge(rows_of(many_values(), 2), {250, 150}, std::nullopt, report));
  auto without_median = many_values();
  without_median.median = 0;
  EXPECT_FALSE(judge(rows_of(without_median, 2), {100, 1000}, std::nullopt, report));
  EXPECT_FALSE(judge(rows_of(without_median, 2), {100, 1000}, 101.0, report));
  EXPECT_TRUE(judge(rows_of(without_median, 2), {100, 1000}, 100.0, report));
}

TEST(Massive, NumbersThatAreNotFiniteAreReported) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto scan = scan_of(2, {{0, kPost1, 0.1F, {{0, 3, nan}, {4, 3, -inf}, {0, 1, 200.0F}}},
                                {1, kPost1, 0.1F, {{0, 3, 150.0F}}}});
  ASSERT_TRUE(scan) << scan.error().message;
  ASSERT_EQ(scan->not_finite.size(), 2U);
  EXPECT_TRUE(std::isnan(scan->not_finite[0].value));
  EXPECT_EQ(scan->not_finite[1].value, -inf);
  EXPECT_EQ(scan->not_finite[1].position, 4);
  ASSERT_EQ(scan->massive.values.size(), 1U);  // of sequence 1
  EXPECT_TRUE(std::isnan(scan->at(kPost1)->top_mean[0]));
}

TEST(Massive, MissingRowsAreNamed) {
  PlantedPlace place{0, kPost1, 0.1F, {}};
  const auto scan = scan_of(1, {place});
  ASSERT_FALSE(scan);
  EXPECT_NE(scan.error().message.find("expected rows of metric top_k"), std::string::npos);
}

}  // namespace
}  // namespace tepui
