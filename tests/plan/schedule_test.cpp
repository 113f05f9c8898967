// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>

#include "plan/schedule.h"

namespace tepui {
namespace {

Edit edit(int layer, Site site, const std::string& rule, RuleKind kind = RuleKind::constant) {
  Edit out;
  out.point = {layer, site};
  out.rule.kind = kind;
  out.key = std::string(site_name(site)) + "=" + rule;
  return out;
}

Edit patch(int layer, Site site, const std::string& branch) {
  Edit out = edit(layer, site, "patch:" + branch, RuleKind::patch);
  out.rule.branch = branch;
  return out;
}

constexpr Site kPost = Site::resid_post;

TEST(Schedule, WithoutBranchesThereIsOneLane) {
  const auto schedule = make_schedule({}, 3);
  ASSERT_TRUE(schedule);
  EXPECT_EQ(schedule->parts.size(), 5U);
  EXPECT_EQ(schedule->block_runs(), 3);
  EXPECT_EQ(schedule->final_norm().lane_of(0), 0);
}

// The figure of a sweep over all layers: 81 branches, of which each is apart from its layer on.
TEST(Schedule, OneEditAtEachOf80Layers) {
  std::vector<Branch> branches;
  for (int layer = 0; layer < 80; ++layer)
    branches.push_back({std::to_string(layer), {edit(layer, kPost, "zero")}});
  const auto schedule = make_schedule(branches, 80);
  ASSERT_TRUE(schedule);
  EXPECT_EQ(schedule->unshared_block_runs(), 81 * 80);
  EXPECT_EQ(schedule->block_runs(), 80 + 80 * 81 / 2);
}

TEST(Schedule, BranchesShareWhatTheyHaveInCommon) {
  const std::vector<Branch> branches = {
      {"a", {edit(1, kPost, "zero")}},
      {"b", {edit(1, kPost, "zero"), edit(2, kPost, "mean")}},
      {"c", {edit(1, kPost, "clip")}},
      {"d", {}},
  };
  const auto schedule = make_schedule(branches, 4);
  ASSERT_TRUE(schedule);
  EXPECT_EQ(schedule->layer(0).lanes.size(), 1U);
  ASSERT_EQ(schedule->layer(1).lanes.size(), 3U);
  EXPECT_EQ(schedule->layer(1).lanes[0].branches, (std::vector<int>{0, 4}));
  EXPECT_EQ(schedule->layer(1).lanes[1].branches, (std::vector<int>{1, 2}));
  ASSERT_EQ(schedule->layer(2).lanes.size(), 4U);
  EXPECT_EQ(schedule->layer(2).lanes[2].parent, 1);
  EXPECT_EQ(schedule->layer(2).lanes[2].branches, (std::vector<int>{2}));
  EXPECT_EQ(schedule->layer(3).lanes[2].parent, 2);
  EXPECT_EQ(schedule->final_norm().lane_of(4), 0);
  EXPECT_EQ(schedule->block_runs(), 1 + 3 + 4 + 4);
}

TEST(Schedule, EditsWithoutALayer) {
  const std::vector<Branch> branches = {{"e", {edit(kNoLayer, Site::embeddings, "zero")}},
                                        {"f", {edit(kNoLayer, Site::final_norm, "zero")}}};
  const auto schedule = make_schedule(branches, 2);
  ASSERT_TRUE(schedule);
  EXPECT_EQ(schedule->embedding().lanes.size(), 2U);
  EXPECT_EQ(schedule->layer(1).lanes.size(), 2U);
  EXPECT_EQ(schedule->final_norm().lanes.size(), 3U);
}

TEST(Schedule, ASourceRunsBeforeItsReaders) {
  const std::vector<Branch> branches = {{"reader", {patch(1, kPost, "source")}},
                                        {"source", {edit(0, kPost, "zero")}}};
  const auto schedule = make_schedule(branches, 2);
  ASSERT_TRUE(schedule) << schedule.error().message;
  const PartLanes& part = schedule->layer(1);
  ASSERT_EQ(part.lanes.size(), 3U);
  const int reader = part.lane_of(1);
  const int source = part.lane_of(2);
  EXPECT_EQ(part.lanes[static_cast<std::size_t>(reader)].edits.front().patch, source);
  EXPECT_EQ(part.lanes[static_cast<std::size_t>(source)].kept, (std::vector<Site>{kPost}));
  const auto at = [&](int lane) { return std::ranges::find(part.order, lane); };
  EXPECT_LT(at(source), at(reader));
}

TEST(Schedule, APatchFromItselfReadsItsOwn) {
  const std::vector<Branch> branches = {{"own", {patch(0, kPost, "own")}}};
  const auto schedule = make_schedule(branches, 1);
  ASSERT_TRUE(schedule);
  EXPECT_EQ(schedule->layer(0).lanes[1].edits.front().patch, LaneEdit::kOwn);
}

// What was massive is asked of the unedited run, but for the first edit they are the same.
TEST(Schedule, MassiveIsThatOfTheUneditedRun) {
  Edit first = edit(0, kPost, "zero");
  first.tokens.kind = TokenSelector::Kind::massive;
  Edit second = edit(1, kPost, "zero");
  second.channels.kind = ChannelSelector::Kind::massive;
  const std::vector<Branch> branches = {{"b", {first, second}}};
  const auto schedule = make_schedule(branches, 2);
  ASSERT_TRUE(schedule);
  EXPECT_EQ(schedule->layer(0).lanes[1].edits.front().selection, LaneEdit::kOwn);
  EXPECT_TRUE(schedule->layer(0).lanes[0].kept.empty());
  EXPECT_EQ(schedule->layer(1).lanes[1].edits.front().selection, 0);
  EXPECT_EQ(schedule->layer(1).lanes[0].kept, (std::vector<Site>{kPost}));
}

TEST(Schedule, Errors) {
  const std::vector<Branch> circle = {{"a", {patch(0, Site::resid_mid, "b")}},
                                      {"b", {patch(0, kPost, "a")}}};
  const auto found = make_schedule(circle, 1);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("do not patch from one another in one layer"),
            std::string::npos)
      << found.error().message;
  const std::vector<Branch> stranger = {{"a", {patch(0, kPost, "nobody")}}};
  const auto unknown = make_schedule(stranger, 1);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("expected the name of a branch (unedited, a)"),
            std::string::npos)
      << unknown.error().message;
}

}  // namespace
}  // namespace tepui
