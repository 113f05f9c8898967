// SPDX-License-Identifier: MIT
// Parts of one result, joined: the whole, or a clear no.
#include "store/merge.h"

#include <gtest/gtest.h>

#include "store/export.h"
#include "store/reader.h"
#include "store/writer.h"
#include "support/paths.h"
#include "support/planted_store.h"

namespace tepui {
namespace {

class MergeStores : public testing::Test {
 protected:
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }

  // A store with sequences [first, last) of six, each in a unit of its own.
  void plant(const std::string& name, int first, int last, float value = 7,
             const nlohmann::json& identity = {{"model", "m"}}, int branches = 2) {
    auto store = StoreWriter::open_or_create(path(name), identity, test::planted_run());
    ASSERT_TRUE(store) << store.error().message;
    const auto input = test::planted_input(6);
    ASSERT_TRUE(store->write_input(input.sequences, input.vocabulary));
    std::vector<BranchRow> rows{{"unedited", ""}, {"a", "v.1:0:1=zero"}, {"b", "v.2:0:1=zero"}};
    rows.resize(static_cast<std::size_t>(branches));
    ASSERT_TRUE(store->write_branches(rows, {}));
    for (int sequence = first; sequence < last; ++sequence) {
      ASSERT_TRUE(store->begin_unit(sequence, sequence + 1));
      for (int branch = 0; branch < branches; ++branch) {
        Observation row;
        row.branch = branch;
        row.sequence = sequence;
        row.point = {1, Site::resid_post};
        row.metric = "top_k";
        row.value = value + static_cast<float>(sequence);
        ASSERT_TRUE(store->add(row));
        ASSERT_TRUE(store->add(LikelihoodRow{branch, sequence, 5, 1.5 * sequence, 0.25}));
      }
      ASSERT_TRUE(store->end_unit());
    }
    ASSERT_TRUE(store->finish());
  }

  std::string exported(const std::string& name) const {
    auto store = StoreReader::open(path(name));
    EXPECT_TRUE(store);
    std::string text;
    for (const ExportTable table : kExportTables)
      EXPECT_TRUE(export_table(*store, table, ExportFormat::csv, [&](std::string_view part) {
        text += part;
        return Status{};
      }));
    const auto scores = store->likelihoods();
    for (const LikelihoodRow& row : *scores)
      text +=
          fmt::format("{} {} {} {} {}\n", row.branch, row.sequence, row.tokens, row.nll, row.kl);
    return text;
  }

  std::string refused(std::vector<std::string> names, const std::string& out) {
    std::vector<std::filesystem::path> parts;
    for (const auto& name : names) parts.push_back(path(name));
    const auto merged = merge_stores(parts, path(out));
    EXPECT_FALSE(merged);
    return merged ? "" : merged.error().message;
  }

  test::TemporaryFolder folder_;
};

TEST_F(MergeStores, PartsAreTheWhole) {
  plant("whole", 0, 6);
  plant("a", 0, 2);
  plant("b", 4, 6);
  plant("c", 1, 4);  // overlaps the first
  const std::filesystem::path parts[] = {path("a"), path("b"), path("c")};
  ASSERT_TRUE(merge_stores(parts, path("out")));
  EXPECT_EQ(exported("out"), exported("whole"));
  auto store = StoreReader::open(path("out"));
  ASSERT_TRUE(store);
  EXPECT_EQ(store->runs()->size(), 3U);
  // Again, and by pieces, nothing is doubled.
  ASSERT_TRUE(merge_stores(parts, path("out")));
  EXPECT_EQ(exported("out"), exported("whole"));
  EXPECT_EQ(store->runs()->size(), 3U);
  ASSERT_TRUE(merge_stores(std::span(parts, 1), path("steps")));
  EXPECT_NE(exported("steps"), exported("whole"));
  ASSERT_TRUE(merge_stores(std::span(parts).subspan(1), path("steps")));
  EXPECT_EQ(exported("steps"), exported("whole"));
}

TEST_F(MergeStores, WhatDoesNotBelongTogetherIsRefused) {
  plant("a", 0, 2);
  plant("other model", 2, 4, 7, {{"model", "n"}});
  plant("other values", 1, 3, 8);
  plant("other branches", 2, 4, 7, {{"model", "m"}}, 3);
  EXPECT_NE(refused({"a", "other model"}, "1").find("made with model = \"m\""), std::string::npos);
  const std::string values = refused({"a", "other values"}, "2");
  EXPECT_NE(values.find("expected the results of sequences 1 to 1"), std::string::npos) << values;
  const std::string branches = refused({"a", "other branches"}, "3");
  EXPECT_NE(branches.find("expected the same branches"), std::string::npos) << branches;
  // What was taken over before stays whole.
  EXPECT_EQ(exported("2"), exported("a"));
  EXPECT_NE(refused({"a", "none"}, "4").find("none"), std::string::npos);
  EXPECT_NE(refused({"none"}, "5").find("expected a store"), std::string::npos);
}

}  // namespace
}  // namespace tepui
