// SPDX-License-Identifier: MIT
// What a store says of probes, from rows made by hand.
#include "study/probe_summary.h"

#include <gtest/gtest.h>

#include <cmath>

#include "report/probe_chart.h"
#include "store/branch_tables.h"
#include "store/writer.h"
#include "study/probe_report.h"
#include "support/paths.h"
#include "support/planted_store.h"

namespace tepui {
namespace {

ProbeRow row_of(const std::string& model, const std::string& probe, int layer, int seed,
                const std::string& metric, double value) {
  return {model,  "delimiter", {layer, Site::resid_post}, "standardised", probe, seed,
          metric, value};
}

class ProbeStore : public testing::Test {
 protected:
  ProbeStore() {
    nlohmann::json identity = test::planted_identity();
    identity.update({{"kind", "probe"}, {"seeds", 2}, {"folds", 5}});
    auto writer = StoreWriter::open_or_create(folder_.path(), identity, test::planted_run());
    EXPECT_TRUE(writer) << writer.error().message;
    const auto write = [&](const std::string& probe, int layer, double accuracy, double p) {
      std::vector<ProbeRow> rows;
      for (const int seed : {0, 1}) {
        rows.push_back(row_of("given", probe, layer, seed, "accuracy", accuracy + 0.1 * seed));
        rows.push_back(row_of("given", probe, layer, seed, "control", 0.25));
        rows.push_back(row_of("given", probe, layer, seed, "converged", seed));
        rows.push_back(row_of("given", probe, layer, seed, "roc_auc", std::nan("")));
        rows.push_back(row_of("given", probe, layer, seed, "bits", 100));
      }
      rows.push_back(row_of("given", probe, layer, 0, "channel.0", 36));
      rows.push_back(row_of("given", probe, layer, -1, "p_value", p));
      EXPECT_TRUE(writer->write_probe(rows));
      EXPECT_FALSE(writer->write_probe(rows));  // never twice
    };
    write("sparse:16", 0, 0.5, 0.01);
    write("sparse:2", 0, 0.6, 0.02);
    write("sparse:2", 1, 0.7, 0.5);
    const ProbeRow random[] = {row_of("random", "sparse:2", 1, 0, "accuracy", 0.4)};
    EXPECT_TRUE(writer->write_probe(random));
    EXPECT_TRUE(writer->finish());
  }
  test::TemporaryFolder folder_;
};

TEST_F(ProbeStore, IsSummedUpOverSeeds) {
  auto store = StoreReader::open(folder_.path());
  ASSERT_TRUE(store) << store.error().message;
  const auto summary = summarise_probes(*store);
  ASSERT_TRUE(summary) << summary.error().message;
  ASSERT_EQ(summary->rows.size(), 3U);
  EXPECT_EQ(summary->rows[0].probe, "sparse:2");
  EXPECT_EQ(summary->rows[1].point.layer, 1);
  EXPECT_EQ(summary->rows[2].probe, "sparse:16");
  const ProbeSummaryRow& row = summary->rows[1];
  EXPECT_NEAR(row.number("accuracy").mean, 0.75, 1e-12);
  EXPECT_NEAR(row.number("accuracy").deviation, 0.1 / std::sqrt(2.0), 1e-12);
  EXPECT_EQ(row.number("roc_auc").seeds, 0);
  EXPECT_EQ(row.of_random("accuracy").mean, 0.4);
  EXPECT_EQ(row.channels, std::vector<int>{36});
  EXPECT_EQ(row.unfinished(), 1);
  EXPECT_DOUBLE_EQ(summary->rows[0].false_discovery_rate, 0.03);
  EXPECT_DOUBLE_EQ(summary->rows[2].false_discovery_rate, 0.03);
  EXPECT_DOUBLE_EQ(row.false_discovery_rate, 0.5);
}

TEST_F(ProbeStore, IsShownDrawnAndExported) {
  auto store = StoreReader::open(folder_.path()).value();
  const ProbeSummary summary = summarise_probes(store).value();
  const std::string table = probe_table(summary, Letters::ascii, 120);
  EXPECT_NE(table.find("delimiter: sparse:2 probe, standardised features, resid_post"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("0.750 +- 0.071"), std::string::npos) << table;
  EXPECT_NE(table.find("3 of 6 solutions did not reach the tolerance"), std::string::npos) << table;
  EXPECT_EQ(probe_finding(summary),
            "delimiter: best at resid_post.1 (sparse:2, standardised): accuracy 0.750, of a random "
            "model 0.400.");
  const auto json = probe_json(summary);
  EXPECT_EQ(json["probes"][1]["numbers"]["roc_auc"], nullptr);
  const ChartJson chart = probe_chart(summary);
  ASSERT_EQ(chart["series"].size(), 2U);
  EXPECT_EQ(chart["series"][0]["layers"], (ChartJson{0, 1}));
  EXPECT_EQ(chart["series"][0]["random_model"], (ChartJson{nullptr, {0.4, 0.0}}));
  EXPECT_EQ(chart["series"][1]["score"], ChartJson::array({{0.55, 0.0707}}));
  const auto tables = branch_tables(store).value();
  EXPECT_EQ(tables.back().name, "probes");
  EXPECT_EQ(tables.back().rows(), 3U * 12 + 1);
}

}  // namespace
}  // namespace tepui
