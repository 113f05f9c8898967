// SPDX-License-Identifier: MIT
// Peaks over sequences, the life of a channel, and the token table, against values written by hand.
#include "study/place_profile.h"

#include <gtest/gtest.h>

#include "study/summary_tables.h"
#include "study/token_table.h"
#include "support/paths.h"
#include "support/planted_store.h"

namespace tepui {
namespace {

constexpr Point kLayer0 = {0, Site::resid_post};
constexpr Point kLayer1 = {1, Site::resid_post};

// Two sequences of 8 tokens, 3 channels; channel_max as given, medians of 1.
class Profile : public testing::Test {
 protected:
  Profile() {
    const Status planted = plant();
    EXPECT_TRUE(planted) << planted.error().message;
    auto opened = StoreReader::open(folder_.path());
    EXPECT_TRUE(opened);
    store_ = std::move(*opened);
    auto scan = summarise(store_, {{}, 5});
    EXPECT_TRUE(scan) << scan.error().message;
    scan_ = std::move(*scan);
  }

  Status plant() {
    TEPUI_TRY(auto store, StoreWriter::open_or_create(folder_.path(), test::planted_identity(),
                                                      test::planted_run()));
    const auto input = test::planted_input(2);
    TEPUI_TRY(store.write_input(input.sequences, input.vocabulary));
    for (int sequence = 0; sequence < 2; ++sequence) {
      TEPUI_TRY(store.begin_unit(sequence, sequence + 1));
      const float step = static_cast<float>(sequence);
      TEPUI_TRY(add(store, sequence, kLayer0, {2, -7 - step, 1}, {0, 3, 2}));
      TEPUI_TRY(add(store, sequence, kLayer1, {-3000 + 100 * step, 8, 1200}, {0, 3, 2}));
      TEPUI_TRY(store.end_unit());
    }
    return store.finish();
  }

  static Status add(RowSink& store, int sequence, Point point, const std::vector<float>& values,
                    const std::vector<std::uint32_t>& positions) {
    test::PlantedPlace place{sequence, point, 1.0F, {}};
    for (std::size_t c = 0; c < values.size(); ++c)
      place.values.push_back({positions[c], static_cast<std::int64_t>(c), values[c]});
    std::sort(place.values.begin(), place.values.end(),
              [](const auto& a, const auto& b) { return std::abs(a.value) > std::abs(b.value); });
    TEPUI_TRY(test::add_place(store, place));
    return store.add(Series{sequence, point, "channel_max", values, positions});
  }

  test::TemporaryFolder folder_;
  StoreReader store_;
  ScanSummary scan_;
};

TEST_F(Profile, PeaksAreTheLargestOfAllSequences) {
  const auto profiles = place_profiles(store_, scan_, Site::resid_post).value();
  ASSERT_EQ(profiles.size(), 2U);
  ASSERT_EQ(profiles[0].channels.size(), 3U);
  EXPECT_EQ(profiles[0].channels[1].value, -8.0F);  // of the second sequence
  EXPECT_EQ(profiles[0].channels[1].sequence, 1);
  EXPECT_EQ(profiles[0].channels[1].at, 3);
  EXPECT_EQ(profiles[0].channels[2].sequence, 0);  // equal: the first
  EXPECT_EQ(profiles[1].channels[0].value, -3000.0F);
  EXPECT_TRUE(profiles[0].positions.empty());
}

TEST_F(Profile, ALifeIsToldAgainstTheOtherChannels) {
  const auto life = channel_life(store_, scan_, Site::resid_post, {}, {}).value();
  ASSERT_TRUE(life);
  EXPECT_EQ(life->sequence, 0);
  EXPECT_EQ(life->channel, 0);
  ASSERT_EQ(life->points.size(), 2U);
  EXPECT_EQ(life->points[0].value, 2.0F);
  EXPECT_EQ(life->points[0].others, 1.0);  // the lower median of 7 and 1
  EXPECT_EQ(life->points[0].largest_other, 7.0);
  EXPECT_EQ(life->points[1].value, -3000.0F);
  EXPECT_EQ(life->points[1].position, 0);
  EXPECT_EQ(life->points[1].largest_other, 1200.0);
  EXPECT_EQ(life->points[1].median, 1.0);
  EXPECT_FALSE(channel_life(store_, scan_, Site::resid_post, 2, {}));
  EXPECT_FALSE(channel_life(store_, scan_, Site::resid_post, {}, 3));
}

TEST_F(Profile, TokensAreCountedWithMeanAndDeviation) {
  const auto rows = token_table(scan_, Site::resid_post);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].bytes, "<s>");
  EXPECT_EQ(rows[0].channel, 0);
  EXPECT_EQ(rows[0].layers, std::vector<std::int64_t>{1});
  EXPECT_EQ(rows[0].occurrences, 2);
  EXPECT_EQ(rows[0].carrying, 2);
  EXPECT_EQ(rows[0].count, 2);
  EXPECT_EQ(rows[0].mean, -2950.0);
  EXPECT_NEAR(rows[0].deviation.value(), 100 / std::sqrt(2.0), 1e-9);
  EXPECT_EQ(rows[1].bytes, ".");
  EXPECT_EQ(rows[1].occurrences, 4);  // two in each sequence
  EXPECT_EQ(rows[1].carrying, 2);
  EXPECT_EQ(rows[1].deviation.value(), 0.0);
}

std::string as_csv(const DataTable& table) {
  std::string text;
  EXPECT_TRUE(write_table(table, ExportFormat::csv, [&](std::string_view piece) -> Status {
    text += piece;
    return {};
  }));
  return text;
}

TEST_F(Profile, TheSummaryIsExportedAsTables) {
  std::vector<DataTable> tables = summary_tables(scan_);
  tables.insert(tables.begin(), runs_table(store_.runs().value()));
  ASSERT_EQ(tables.size(), std::size(kSummaryTables));
  for (std::size_t at = 0; at < tables.size(); ++at) {
    EXPECT_EQ(tables[at].name, kSummaryTables[at]);
    for (const DataColumn& column : tables[at].columns)
      EXPECT_EQ(column.size(), tables[at].rows()) << tables[at].name << "." << column.name;
  }
  EXPECT_EQ(as_csv(tables[1]),
            "layer,site,sequences,median,top_1,top_2,top_3,massive_sequences,quantile_0.25,"
            "quantile_0.5,quantile_0.99\n"
            "0,resid_post,2,1,7.5,2,1,0,0.5,1,3\n"
            "1,resid_post,2,1,2950,1200,8,2,0.5,1,3\n");
  EXPECT_EQ(as_csv(tables[2]),
            "layer,site,sequence,position,channel,value,ratio,token_id,token,piece\n"
            "1,resid_post,0,0,0,-3000,3000,1,<s>,<s>\n"
            "1,resid_post,0,2,2,1200,1200,11,.,.\n"
            "1,resid_post,1,0,0,-2900,2900,1,<s>,<s>\n"
            "1,resid_post,1,2,2,1200,1200,11,.,.\n");
  EXPECT_EQ(as_csv(tables[4]).substr(0, as_csv(tables[4]).find('\n', 100)),
            "site,token_id,token,channel,layers,occurrences,carrying,layer,count,mean,deviation\n"
            "resid_post,1,<s>,0,1,2,2,1,2,-2950,70.71067811865476");
}

}  // namespace
}  // namespace tepui
