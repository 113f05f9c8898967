// SPDX-License-Identifier: MIT
// Branches on whole models: each is bit for bit what it would be alone, empty edits and patches
// from an equal run change nothing, and edits do to a site what they say.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "exec/executor.h"
#include "support/branch_run.h"
#include "support/paths.h"

namespace tepui::test {
namespace {

class Branches : public testing::TestWithParam<std::string> {
 protected:
  Branches() : model_(*open_model(data_path("golden/llama-gqa-tied-bf16"))) {}

  std::vector<std::vector<TokenId>> sequences() const {
    std::mt19937 random(5);
    std::vector<std::vector<TokenId>> out;
    for (const int length : {7, 1, 12, 3}) {
      std::vector<TokenId> ids;
      for (int i = 0; i < length; ++i)
        ids.push_back(
            static_cast<TokenId>(random() % static_cast<unsigned>(model_.spec.dims.vocabulary)));
      out.push_back(ids);
    }
    return out;
  }

  BranchRun run(const std::vector<std::pair<std::string, std::string>>& branches,
                const BranchRunSettings& settings = {}) const {
    return run_branches(model_, GetParam(), sequences(), branches, settings);
  }
  // For laws of all edits: every site; some behind the edits where a driver plays a GPU.
  BranchRunSettings law(BranchRunSettings settings = {}) const {
    if (GetParam() == "vulkan") settings.sites = "resid_post,z.1,mlp_act";
    return settings;
  }

  Model model_;
};

const char* const kEdits[] = {
    "resid_post.0:0:3=zero",
    "resid_post.1:all:all=scale:0.5",
    "embeddings:1-2:all=const:1",
    "q.1:all:0-7=zero;resid_pre.1:id:5:all=scale:3",
    "attn_out.0:largest:all=zero;mlp_out.1:largest:1-9=const:-2",
    "mlp_act.0:above:0.2:all=clip:0.1",
    "resid_mid.1:all:all=clip:q0.5;resid_post.1:all:all=clip:k2",
    "k.0:all:all=round:f16;v.1:all:all=round:bf16",
    "attn_scores.0:0:all=const:-1e9;q.0:1:all=scale:2",
    "attn_probs.1:1,id:5:0=zero;attn_scores.1:all:all=clip:0.5;attn_probs.1:0:all=scale:0.5",
    "z.0:all:all=round:int8:token;resid_post.0:all:all=round:fp8:channel",
    "final_norm:all:all=round:int8",
    "resid_post.0:massive:massive=zero;resid_post.1:massive:all=scale:0.1",
};

TEST_P(Branches, EachIsWhatItIsAlone) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const char* edits : kEdits) all.emplace_back(edits, edits);
  all.emplace_back("patch", "resid_post.1:0-1:all=patch:" + std::string(kEdits[0]));
  const BranchRun together = run(all, law());
  const BranchRun plain = run({}, law());
  EXPECT_TRUE(together.scores[0] == plain.scores[0]);
  EXPECT_TRUE(together.lines[0] == plain.lines[0]);
  for (std::size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(all[i].second);
    std::vector<std::pair<std::string, std::string>> one = {all[i]};
    const bool needs_source = all[i].first == "patch";
    if (needs_source) one.insert(one.begin(), all[0]);
    const BranchRun alone = run(one, law());
    EXPECT_TRUE(together.scores[i + 1] == alone.scores.back());
    EXPECT_TRUE(together.lines[i + 1] == alone.lines.back());
    EXPECT_FALSE(together.scores[i + 1] == plain.scores[0]) << "this edit changes nothing";
  }
}

TEST_P(Branches, DoNotDependOnChunksWavesAndThreads) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const char* edits : kEdits) all.emplace_back(edits, edits);
  all.emplace_back("patch", "resid_post.1:0-1:all=patch:" + std::string(kEdits[2]));
  const BranchRun whole = run(all, law({1000, 1000, 1}));
  for (const BranchRunSettings& other : {BranchRunSettings{1, 1000, 2}, {8, 8, 1}, {1000, 1, 2}}) {
    const BranchRun divided = run(all, law(other));
    EXPECT_TRUE(divided.scores == whole.scores) << "chunk " << other.chunk_tokens;
    EXPECT_TRUE(divided.lines == whole.lines) << "chunk " << other.chunk_tokens;
  }
}

TEST_P(Branches, WhatSelectsNothingChangesNothing) {
  const BranchRun found = run({{"no token", "resid_post.0:100-200:all=zero"},
                               {"no id", "mlp_out.1:id:60:3=const:9"},
                               {"nothing above", "q.0:above:1e30:all=zero"},
                               {"nothing massive", "resid_post.1:massive:massive=zero"},
                               {"clip far away", "resid_post.0:all:all=clip:1e30"},
                               {"no key", "attn_probs.1:100-:all=zero;attn_scores.0:id:60:0=zero"},
                               {"no score", "attn_scores.0:all:all=clip:1e30"},
                               {"scale by one", "z.1:all:all=scale:1"}},
                              {1000, 1000, 2, {1e9, 1e9}});
  for (std::size_t i = 1; i < found.scores.size(); ++i) {
    EXPECT_TRUE(found.scores[i] == found.scores[0]) << "branch " << i;
    EXPECT_TRUE(found.lines[i] == found.lines[0]) << "branch " << i;
    for (const double kl : found.divergences[i]) EXPECT_EQ(kl, 0);
    EXPECT_FALSE(found.changes[i].empty());
    for (const float change : found.changes[i]) EXPECT_EQ(change, 0);
  }
}

TEST_P(Branches, PatchesFromAnEqualRunAndFromItself) {
  const std::string zero = "resid_post.0:0:3=zero";
  const BranchRun found = run({{"same", "resid_post.1:all:all=patch:unedited"},
                               {"own", "resid_mid.0:all:all=patch:own"},
                               {"zero", zero},
                               {"of zero", zero + ";resid_post.1:all:all=patch:zero"},
                               {"back", zero + ";resid_post.1:all:all=patch:unedited"}});
  EXPECT_TRUE(found.scores[1] == found.scores[0]);
  EXPECT_TRUE(found.scores[2] == found.scores[0]);
  EXPECT_FALSE(found.scores[3] == found.scores[0]);
  EXPECT_TRUE(found.scores[4] == found.scores[3]);
  EXPECT_TRUE(found.scores[5] == found.scores[0]);  // everything is overwritten in the last layer
}

// Taps read after edits.
TEST_P(Branches, EditsDoWhatTheySay) {
  const BranchRun found = run({{"b", "resid_post.0:0,2:3-5=const:7"},
                               {"c", "mlp_act.1:largest:all=zero"},
                               {"d", "attn_scores.1:0:all=const:-1e9"},
                               {"e", "attn_probs.1:all:all=zero"}});
  const auto before = found.sites[0].at(capture_key({0, Site::resid_post}, 0));
  const auto after = found.sites[1].at(capture_key({0, Site::resid_post}, 0));
  const auto width = static_cast<std::size_t>(model_.spec.dims.width);
  ASSERT_EQ(before.size(), 7 * width);
  for (std::size_t i = 0; i < before.size(); ++i) {
    const std::size_t position = i / width;
    const std::size_t channel = i % width;
    const bool edited = (position == 0 || position == 2) && channel >= 3 && channel <= 5;
    EXPECT_EQ(after[i], edited ? 7 : before[i]) << position << ", " << channel;
  }
  const auto dense = found.sites[0].at(capture_key({1, Site::mlp_act}, 2));
  const auto holed = found.sites[2].at(capture_key({1, Site::mlp_act}, 2));
  const auto hidden = static_cast<std::size_t>(model_.spec.dims.hidden);
  const auto size = [](float a, float b) { return std::abs(a) < std::abs(b); };
  const auto largest =
      static_cast<std::size_t>(std::max_element(dense.begin(), dense.end(), size) - dense.begin());
  for (std::size_t i = 0; i < dense.size(); ++i)
    EXPECT_EQ(holed[i], i / hidden == largest / hidden ? 0 : dense[i]) << i;
  // The second query sees itself alone where the first key is hidden.
  const auto values = found.sites[0].at(capture_key({1, Site::v}, 0));
  const auto given = found.sites[3].at(capture_key({1, Site::z}, 0));
  const auto head = static_cast<std::size_t>(model_.spec.dims.head_dim);
  const auto kv = head * static_cast<std::size_t>(model_.spec.dims.kv_heads);
  for (std::size_t d = 0; d < head; ++d)
    EXPECT_EQ(given[head * static_cast<std::size_t>(model_.spec.dims.heads) + d], values[kv + d]);
  for (const float z : found.sites[4].at(capture_key({1, Site::z}, 0))) EXPECT_EQ(z, 0);
}

std::vector<std::string> branch_backends() {
  auto names = backend_names();
  std::vector<std::string> out;
  for (const auto& name : names)
    if (name != "reference") out.emplace_back(name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Backends, Branches, testing::ValuesIn(branch_backends()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tepui::test
