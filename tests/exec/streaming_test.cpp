// SPDX-License-Identifier: MIT
// A model that passes through memory layer by layer, whose hidden states lie in files, or whose run
// was interrupted in the middle, gives bit for bit what one gives that stays in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "backend/registry.h"
#include "exec/executor.h"
#include "support/branch_run.h"
#include "support/paths.h"
#include "support/run_model.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

using NamedEdits = std::vector<std::pair<std::string, std::string>>;

// What is computed, in order.
class Watch : public RunObserver {
 public:
  void before(const PartRun& part) override {
    if (part.layer != kNoLayer) ++layers;
    if (part.layer == kNoLayer && part.part == "embedding") ++embeddings;
    if (part.layer >= 0) first = std::min(first, part.layer);
  }
  int layers = 0;
  int embeddings = 0;
  int first = 1000;
};

class Counting : public RowSink {
 public:
  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status add(const Observation& /*row*/) override { return ++rows, Status(); }
  Status add(const Series& /*row*/) override { return ++rows, Status(); }
  Status end_unit() override { return {}; }
  int rows = 0;
};

class Streaming : public testing::TestWithParam<std::string> {
 protected:
  Streaming() : model_(*open_model(data_path("golden/llama-gqa-tied-bf16"))) {
    std::mt19937 random(7);
    for (const int length : {7, 1, 12, 3, 9, 2}) {
      std::vector<TokenId> ids;
      for (int i = 0; i < length; ++i)
        ids.push_back(
            static_cast<TokenId>(random() % static_cast<unsigned>(model_.spec.dims.vocabulary)));
      sequences_.push_back(ids);
    }
  }

  BranchRun run(const BranchRunSettings& settings) const {
    return run_branches(model_, GetParam(), sequences_, branches_, settings);
  }
  // Every site; some of them where a driver plays a GPU.
  BranchRunSettings some_sites() const {
    BranchRunSettings settings;
    if (GetParam() == "vulkan") settings.sites = "resid_post,z.1,mlp_act";
    return settings;
  }
  BranchRunSettings with_files(bool spill) const {
    BranchRunSettings settings;
    settings.chunk_tokens = 8;
    settings.exec.state_folder = folder_.path() / "wave";
    settings.exec.state_identity = "test";
    settings.exec.spill = spill;
    settings.exec.sync_seconds = 0;
    return settings;
  }
  // What the sink took.
  static int rows_of(const BranchRun& run) {
    std::size_t rows = 0;
    for (std::size_t i = 0; i < run.sites.size(); ++i)
      rows += run.lines[i].size() + run.changes[i].size() + run.sites[i].size();
    return static_cast<int>(rows);
  }
  static std::vector<float> sorted(std::vector<float> values) {
    std::ranges::sort(values);
    return values;
  }
  static void expect_equal(const BranchRun& found, const BranchRun& expected) {
    EXPECT_TRUE(found.scores == expected.scores);
    EXPECT_TRUE(found.divergences == expected.divergences);
    EXPECT_TRUE(found.lines == expected.lines);
    for (std::size_t i = 0; i < expected.sites.size(); ++i) {
      EXPECT_TRUE(found.sites[i] == expected.sites[i]);
      EXPECT_TRUE(sorted(found.changes[i]) == sorted(expected.changes[i]));  // waves come in turn
    }
  }

  Model model_;
  std::vector<std::vector<TokenId>> sequences_;
  NamedEdits branches_ = {{"zero", "resid_post.0:0:3=zero"},
                          {"scale", "resid_pre.1:all:all=scale:0.5"},
                          {"ids", "q.1:all:0-7=zero;resid_pre.1:id:5:all=scale:3"},
                          {"massive", "resid_post.0:massive:massive=zero"},
                          {"patch", "resid_post.1:0-1:all=patch:zero"},
                          {"last", "final_norm:all:all=round:int8"}};
  TemporaryFolder folder_;
};

TEST_P(Streaming, LayersBehindTheLastPlaceAreNotComputed) {
  const auto backend = shared_backend(GetParam(), {});
  ASSERT_TRUE(backend);
  ThreadPool pool(2);
  const auto metrics = scan_metrics({});
  for (const auto& [places, layers] : {std::pair{"embeddings", 0},
                                       {"resid_pre.0", 1},
                                       {"resid_post.1,embeddings", 2},
                                       {"final_norm", model_.spec.dims.layers}}) {
    SCOPED_TRACE(places);
    Watch watch;
    ExecOptions options;
    options.observer = &watch;
    Executor executor(**backend, model_, pool, options, metrics);
    const auto sites = SiteSelection::parse(places, model_.spec);
    ASSERT_TRUE(sites);
    Counting sink;
    std::int64_t last = -1;
    std::int64_t most = 0;
    const SequenceRange all[] = {{0, static_cast<int>(sequences_.size())}};
    const Status status =
        executor.run(sequences_, all, *sites, sink, [&](std::int64_t done, std::int64_t total) {
          last = done;
          most = total;
        });
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(watch.embeddings, 1);
    EXPECT_EQ(watch.layers, layers);
    EXPECT_GT(sink.rows, 0);
    if (layers > 0) {
      EXPECT_EQ(last, most);
    }
  }
}

TEST_P(Streaming, IsWhatStaysInMemory) {
  const BranchRun resident = run(some_sites());
  ASSERT_EQ(resident.scores.size(), branches_.size() + 1);
  BranchRunSettings streamed = some_sites();
  streamed.chunk_tokens = 10;
  streamed.wave_tokens = 12;
  streamed.keep_head = false;
  // Room for one layer; for one and part of the next; for two of the model's.
  for (const std::uint64_t budget : {1U, 60'000U, 120'000U}) {
    streamed.exec.weight_budget = budget;
    expect_equal(run(streamed), resident);
  }
}

TEST_P(Streaming, StatesInFilesAreThoseInMemory) {
  const BranchRun resident = run(some_sites());
  BranchRunSettings spilled = with_files(true);
  spilled.sites = some_sites().sites;
  spilled.exec.weight_budget = 1;
  for (const int at_once :
       GetParam() == "vulkan" ? std::vector<int>{4} : std::vector<int>{0, 1, 4}) {
    spilled.exec.head_branches = at_once;
    // Chunks come group by group: compared with the same chunks, each whole.
    expect_equal(run(spilled), resident);
  }
  EXPECT_FALSE(std::filesystem::exists(spilled.exec.state_folder));
}

TEST_P(Streaming, AnInterruptedRunGoesOnWhereItWas) {
  const BranchRun resident = run(some_sites());
  const int total = rows_of(resident);
  for (const bool spill : {false, true}) {
    int later = 0;
    // Few where a driver plays a GPU.
    const std::vector<int> some = {total / 4, total * 3 / 4};
    const std::vector<int> all = {1, 40, 150, 320, 500, 800, 1100, 1400};
    for (const int rows : GetParam() == "vulkan" ? some : all) {
      SCOPED_TRACE(rows);
      BranchRunSettings settings = with_files(spill);
      settings.sites = some_sites().sites;
      settings.refuse_after = rows;
      const auto refused = try_branches(model_, GetParam(), sequences_, branches_, settings);
      if (refused) continue;  // it had no more rows
      EXPECT_EQ(refused.error().message, "the sink is full");
      settings.refuse_after = 0;
      Watch watch;
      settings.exec.observer = &watch;
      settings.chunk_tokens = 10;  // another division
      expect_equal(run(settings), resident);
      later += watch.embeddings == 0 ? 1 : 0;
      EXPECT_FALSE(std::filesystem::exists(settings.exec.state_folder));
    }
    EXPECT_GT(later, 0) << "no run went on in the middle";
  }
}

TEST_P(Streaming, AFullDiskIsSaidAndTheRunGoesOn) {
  const BranchRun resident = run(some_sites());
  for (const bool spill : {false, true}) {
    BranchRunSettings settings = with_files(spill);
    settings.sites = some_sites().sites;
    std::filesystem::create_directories(settings.exec.state_folder);
    std::filesystem::create_symlink("/dev/full", settings.exec.state_folder / "states.0");
    const auto refused = try_branches(model_, GetParam(), sequences_, branches_, settings);
    ASSERT_FALSE(refused);
    const std::string& error = refused.error().message;
    EXPECT_NE(error.find("wave/states.0: "), std::string::npos) << error;
    EXPECT_NE(error.find("No space left on device"), std::string::npos) << error;
    std::filesystem::remove(settings.exec.state_folder / "states.0");
    Watch watch;
    settings.exec.observer = &watch;
    expect_equal(run(settings), resident);
    EXPECT_EQ(watch.embeddings, 0) << "what was synced before is of use";
  }
}

TEST_P(Streaming, StatesOfAnotherRunAreNotUsed) {
  BranchRunSettings settings = with_files(false);
  settings.refuse_after = 500;
  ASSERT_FALSE(try_branches(model_, GetParam(), sequences_, branches_, settings));
  settings.refuse_after = 0;
  Watch watch;
  settings.exec.observer = &watch;
  settings.exec.state_identity = "another";
  expect_equal(run(settings), run({}));
  EXPECT_GT(watch.embeddings, 0);
}

INSTANTIATE_TEST_SUITE_P(Backends, Streaming, testing::ValuesIn(model_backends()));

}  // namespace
}  // namespace tepui::test
