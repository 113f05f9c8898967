// SPDX-License-Identifier: MIT
// What is said of runs of attention and origin that were broken off: how far they are, and nothing
// of what was not computed.
#include <gtest/gtest.h>

#include "report/attention_chart.h"
#include "study/attention_report.h"
#include "study/origin_report.h"
#include "support/paths.h"
#include "support/planted_store.h"

namespace tepui {
namespace {

constexpr const char* kNone = "So far 0 of 3 sequences are measured.";
constexpr const char* kOne = "So far 1 of 3 sequences are measured.";

// Three sequences, the first `done` of them computed, without anything massive.
class Unfinished {
 public:
  Unfinished(const char* kind, int done) {
    auto identity = test::planted_identity();
    identity["kind"] = kind;
    identity["early"] = 4;
    identity["tokens"] = "massive";
    const auto input = test::planted_input(3);
    auto store = StoreWriter::open_or_create(folder_.path(), identity, test::planted_run());
    EXPECT_TRUE(store);
    EXPECT_TRUE(store->write_input(input.sequences, input.vocabulary));
    const BranchRow unedited[] = {{"unedited", ""}};
    EXPECT_TRUE(store->write_branches(unedited, {}));
    if (done == 0) return;
    EXPECT_TRUE(store->begin_unit(0, done));
    Observation row;
    row.point = {0, Site::resid_post};
    row.metric = "largest";
    row.position = 1;
    row.channel = 2;
    row.value = 3;
    EXPECT_TRUE(store->add(row));
    EXPECT_TRUE(store->end_unit());
  }
  StoreReader reader() const { return *StoreReader::open(folder_.path()); }

 private:
  test::TemporaryFolder folder_;
};

TEST(Unfinished, AttentionSaysHowFarItIs) {
  const Unfinished begun("attention", 0);
  StoreReader begun_store = begun.reader();
  const auto nothing = summarise_attention(begun_store, {});
  ASSERT_TRUE(nothing) << nothing.error().message;
  EXPECT_EQ(attention_table(*nothing, Letters::unicode, 80), std::string(kNone) + "\n");
  EXPECT_EQ(attention_finding(*nothing), kNone);

  const Unfinished some("attention", 1);
  StoreReader some_store = some.reader();
  const auto one = summarise_attention(some_store, {});
  ASSERT_TRUE(one) << one.error().message;
  const std::string table = attention_table(*one, Letters::unicode, 80);
  EXPECT_TRUE(table.starts_with(std::string(kOne) + "\n")) << table;
  EXPECT_NE(table.find("means over 1 sequence\n"), std::string::npos) << table;
  EXPECT_TRUE(attention_finding(*one).starts_with(std::string(kOne) + "\nNo token holds"));

  const Unfinished all("attention", 3);
  StoreReader all_store = all.reader();
  EXPECT_EQ(attention_finding(*summarise_attention(all_store, {})).find("So far"),
            std::string::npos);
}

TEST(Unfinished, OriginSaysHowFarItIs) {
  const Unfinished begun("origin", 0);
  StoreReader begun_store = begun.reader();
  const auto nothing = summarise_origin(begun_store);
  ASSERT_TRUE(nothing) << nothing.error().message;
  EXPECT_EQ(origin_table(*nothing, Letters::unicode, 80), std::string(kNone) + "\n");
  EXPECT_EQ(origin_finding(*nothing), kNone);

  const Unfinished some("origin", 1);
  StoreReader some_store = some.reader();
  const auto one = summarise_origin(some_store);
  ASSERT_TRUE(one) << one.error().message;
  const std::string table = origin_table(*one, Letters::unicode, 80);
  EXPECT_TRUE(table.starts_with(std::string(kOne) +
                                "\nNo activation of resid_post is massive in 1 sequence.\n"))
      << table;
  EXPECT_EQ(origin_finding(*one),
            std::string(kOne) + "\nNo activation of the residual stream is massive.");

  const Unfinished all("origin", 3);
  StoreReader all_store = all.reader();
  EXPECT_EQ(origin_table(*summarise_origin(all_store), Letters::unicode, 80).find("So far"),
            std::string::npos);
}

}  // namespace
}  // namespace tepui
