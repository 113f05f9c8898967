// SPDX-License-Identifier: MIT
// What a LLaMA block of one chunk may cost on the device: dispatches, one submission, no wait of
// the host inside it, and no byte back that was not asked for.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "backend/registry.h"
#include "exec/model_cost.h"
#include "models/site_width.h"
#include "study/run_trace.h"
#include "support/paths.h"
#include "support/run_model.h"
#include "support/run_program.h"

namespace tepui::test {
namespace {

constexpr std::uint64_t kUntapped = 14;
// On matrix units the rows of x are split: those of queries, keys and values, of the output, of
// gate and up, and of down.
constexpr std::uint64_t kSplits = 4;
constexpr std::uint64_t kTapped = 8;

class Nobody final : public RowConsumer {
 public:
  Status take(const RowBlock& block) override {
    bytes += block.rows.size_bytes();
    return {};
  }
  std::size_t bytes = 0;
};

// What the scan's metrics bring back of one tapped site of a chunk, by the types of what they emit.
std::size_t outputs_of(std::span<const std::unique_ptr<Metric>> metrics, int first_sequence,
                       std::span<const int> lengths, int width) {
  Builder builder;
  const int rows = std::accumulate(lengths.begin(), lengths.end(), 0);
  const Value x = builder.input({DType::f32, Shape{rows, width}}, "x");
  const auto sequences = static_cast<std::int64_t>(lengths.size());
  const Value offsets = builder.input({DType::i32, Shape{sequences + 1}}, "offsets");
  std::vector<Constant> constants;
  EmitContext context{builder, x, offsets, kNone, width, lengths, constants};
  std::size_t bytes = 0;
  for (const auto& metric : metrics) {
    const int last = first_sequence + static_cast<int>(lengths.size());
    if (!metric->measures(first_sequence, last)) continue;
    for (const Value value : metric->emit(context)) bytes += builder.type(value).bytes();
  }
  return bytes;
}

class Trace : public testing::Test {
 protected:
  void SetUp() override {
    if (std::ranges::count(backend_names(), "vulkan") == 0)
      GTEST_SKIP() << "no Vulkan device on this machine";
    backend_ = make_backend("vulkan", {}).value();
    model_ = std::make_unique<Model>(open_model(data_path("golden/llama-gqa-tied-bf16")).value());
    for (const int length : kLengths) {
      sequences_.emplace_back();
      for (int i = 0; i < length; ++i) sequences_.back().push_back((7 * i + length) % 60);
    }
  }

  bool on_matrices() const {
    return backend_->device().detail.find("matrix units") != std::string::npos;
  }

  // The blocks' rows of a run with these sites measured, or streamed.
  std::vector<RunTrace::Row> blocks(const std::string& measured, const std::string& streamed = "") {
    const auto select = [&](const std::string& sites) {
      return sites.empty() ? SiteSelection() : SiteSelection::parse(sites, model_->spec).value();
    };
    ThreadPool pool(1);
    RunTrace trace(*backend_);
    ExecOptions options;
    options.chunk_tokens = kChunkTokens;
    options.observer = &trace;
    Executor executor(*backend_, *model_, pool, options, metrics_);
    const SequenceRange all[] = {{0, static_cast<int>(sequences_.size())}};
    TextSink sink;
    Nobody nobody;
    RowRequest rows;
    if (!streamed.empty()) rows = {select(streamed), &nobody};
    const Status status = executor.run(sequences_, all, select(measured), sink, nullptr, {}, rows);
    EXPECT_TRUE(status) << (status ? "" : status.error().message);
    streamed_bytes_ = nobody.bytes;
    std::vector<RunTrace::Row> found;
    std::ranges::copy_if(trace.rows(), std::back_inserter(found),
                         [](const RunTrace::Row& row) { return row.part == "block"; });
    EXPECT_EQ(found.size(), 3U * static_cast<std::size_t>(model_->spec.dims.layers));
    for (const RunTrace::Row& row : found) {
      EXPECT_EQ(row.counted.submissions, 1U) << measured << streamed;
      EXPECT_EQ(row.counted.copy_submissions, 0U) << measured << streamed;
      EXPECT_EQ(row.counted.waits, 0U) << measured << streamed;
      EXPECT_EQ(row.counted.downloaded_bytes, row.asked_bytes) << measured << streamed;
    }
    return found;
  }

  // Chunks of at most 24 rows: of two, two and one sequences.
  static constexpr int kChunkTokens = 24;
  static constexpr int kLengths[] = {9, 12, 3, 20, 17};

  static std::vector<int> lengths_of(const RunTrace::Row& row) {
    std::vector<int> lengths;
    for (int i = row.first_sequence, rows = row.rows; rows > 0; ++i) {
      lengths.push_back(kLengths[i]);
      rows -= kLengths[i];
    }
    return lengths;
  }

  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Model> model_;
  std::vector<std::unique_ptr<Metric>> metrics_ = scan_metrics({});
  std::vector<std::vector<TokenId>> sequences_;
  std::size_t streamed_bytes_ = 0;
};

TEST_F(Trace, AnUntappedBlockBringsNothingBack) {
  for (const RunTrace::Row& row : blocks("")) {
    EXPECT_LE(row.counted.dispatches, kUntapped + (on_matrices() ? kSplits : 0));
    EXPECT_GT(row.counted.dispatches, 8U);  // it did run
    EXPECT_GT(row.counted.barriers, 0U);
    EXPECT_LT(row.counted.barriers, row.counted.dispatches);
    EXPECT_EQ(row.counted.downloaded_bytes, 0U);
  }
}

TEST_F(Trace, ATappedSiteCostsAtMostEightDispatchesAndItsOutputs) {
  const std::uint64_t bare = blocks("").front().counted.dispatches;
  int tapped = 0;
  for (std::size_t i = 0; i < kSites; ++i) {
    const auto site = static_cast<Site>(i);
    const auto selection = SiteSelection::parse(std::string(site_name(site)), model_->spec);
    if (!selection || selection->at_layer(0).empty()) continue;
    ++tapped;
    const int width = *site_width(model_->spec, site);
    for (const RunTrace::Row& row : blocks(std::string(site_name(site)))) {
      SCOPED_TRACE(fmt::format("{} of layer {}", site_name(site), row.layer));
      EXPECT_GT(row.counted.dispatches, bare);
      EXPECT_LE(row.counted.dispatches, bare + kTapped);
      EXPECT_EQ(row.counted.downloaded_bytes,
                outputs_of(metrics_, row.first_sequence, lengths_of(row), width));
    }
  }
  EXPECT_GE(tapped, 15);
}

TEST_F(Trace, AllSitesOfABlockAreOneSubmissionStill) {
  const std::uint64_t bare = blocks("").front().counted.dispatches;
  for (const RunTrace::Row& row : blocks("all"))
    EXPECT_LE(row.counted.dispatches, bare + kTapped * static_cast<std::uint64_t>(row.sites));
}

TEST_F(Trace, RowsThatAreAskedForAreAllThatComesBack) {
  std::size_t bytes = 0;
  const auto width = static_cast<std::size_t>(model_->spec.dims.width);
  for (const RunTrace::Row& row : blocks("", "resid_mid,resid_post")) {
    EXPECT_EQ(row.counted.downloaded_bytes,
              2 * static_cast<std::size_t>(row.rows) * width * sizeof(float));
    EXPECT_LE(row.counted.dispatches, kUntapped + (on_matrices() ? kSplits : 0));
    bytes += row.counted.downloaded_bytes;
  }
  EXPECT_EQ(bytes, streamed_bytes_);
}

// What is told without a device is what the device did: of the first chunk, since later ones have
// no surface.
TEST_F(Trace, TheCostModelCountsTheSame) {
  DeviceProfile any{"any", "", 1e12, 1e11};
  any.matrices = on_matrices();
  for (const char* sites : {"", "resid_post", "attn_out,mlp_act,resid_post", "all"}) {
    SCOPED_TRACE(sites);
    const SiteSelection selection = std::string(sites).empty()
                                        ? SiteSelection()
                                        : SiteSelection::parse(sites, model_->spec).value();
    const RunTrace::Row row = blocks(sites).front();
    const auto parts =
        cost_of(CostQuestion{*model_, lengths_of(row), selection, metrics_}, any).value();
    ASSERT_EQ(parts.size(), 3U);
    ASSERT_EQ(parts[1].times, model_->spec.dims.layers);
    std::uint64_t dispatches = 0;
    std::uint64_t barriers = 0;
    for (const StepCost& step : parts[1].steps) {
      dispatches += static_cast<std::uint64_t>(step.counts.dispatches);
      barriers += static_cast<std::uint64_t>(step.counts.barriers);
    }
    EXPECT_EQ(dispatches, row.counted.dispatches);
    EXPECT_EQ(barriers, row.counted.barriers);
    EXPECT_EQ(parts[1].host_bytes, static_cast<double>(row.counted.downloaded_bytes));
  }
}

// The same counts as a user sees them.
TEST_F(Trace, TheProgramPrintsIt) {
  const TemporaryFolder folder;
  write_file(folder.path() / "ids.json", "[[1,2,3,4,5,6,7],[9,8,7]]");
  const auto scan = [&](const std::string& backend) {
    ProgramRun run;
    run.arguments = {"scan",    data_path("golden/llama-gqa-tied-bf16").string(),
                     "--ids",   "ids.json",
                     "--trace", "--backend",
                     backend,   "--out",
                     backend};
    run.folder = folder.path();
    const ProgramResult result = run_program(run);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out.substr(result.out.find("\nFor each chunk") + 1);
  };
  const std::string device = scan("vulkan");
  for (const char* part : {"part", "dispatches", "submissions", "waits", "asked for", "\nblock 0 ",
                           "\nblock 1 ", "\nembedding ", "Beside these: "})
    EXPECT_NE(device.find(part), std::string::npos) << part << "\n" << device;
  const std::string processor = scan("cpu");
  EXPECT_NE(processor.find("\nblock 1 "), std::string::npos) << processor;
  EXPECT_EQ(processor.find("dispatches"), std::string::npos) << processor;
  const std::string again = scan("cpu");
  EXPECT_EQ(again.find("For each chunk"), std::string::npos) << again;
}

}  // namespace
}  // namespace tepui::test
