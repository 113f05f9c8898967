// SPDX-License-Identifier: MIT
// Rows that are streamed back: every row once, in order, whatever the consumer's speed; the bits of
// what a metric would have captured; errors of the consumer; bounded memory.
#include "exec/row_stream.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

#include "exec/queued_rows.h"
#include "exec/tap_collector.h"
#include "support/forwarding_backend.h"
#include "support/paths.h"
#include "support/run_model.h"
#include "support/shared_backend.h"

namespace tepui::test {
namespace {

std::vector<std::vector<TokenId>> streamed_sequences() {
  std::mt19937 random(11);
  std::vector<std::vector<TokenId>> out;
  for (const int length : {7, 1, 12, 5, 9, 3}) {
    std::vector<TokenId> ids;
    for (int i = 0; i < length; ++i) ids.push_back(static_cast<TokenId>(random() % 60));
    out.push_back(ids);
  }
  return out;
}

// Keeps what it is given, and when: lines of what came, and the rows themselves.
class Keeper : public RowConsumer {
 public:
  Status begin_unit(int first, int last) override {
    lines.push_back(fmt::format("begin {} {}", first, last));
    return {};
  }
  Status take(const RowBlock& block) override {
    if (sleep > 0) std::this_thread::sleep_for(std::chrono::duration<double>(sleep));
    if (static_cast<int>(taken++) == fail_at)
      return fail(ErrorKind::io, "the disk of this test is full");
    std::size_t begin = 0;
    for (std::size_t s = 0; s < block.lengths.size(); ++s) {
      const int sequence = block.first_sequence + static_cast<int>(s);
      lines.push_back(
          fmt::format("{} {} {}", block.point.layer, site_name(block.point.site), sequence));
      const auto count =
          static_cast<std::size_t>(block.lengths[s]) * static_cast<std::size_t>(block.width);
      const auto part = block.rows.subspan(begin, count);
      auto& rows = sites[capture_key(block.point, sequence)];
      EXPECT_TRUE(rows.empty()) << lines.back() << " came twice";
      rows.assign(part.begin(), part.end());
      begin += count;
    }
    EXPECT_EQ(begin, block.rows.size());
    largest = std::max(largest, block.rows.size_bytes());
    return {};
  }
  Status end_unit() override {
    lines.emplace_back("end");
    return {};
  }

  double sleep = 0;
  int fail_at = -1;
  std::size_t taken = 0;
  std::size_t largest = 0;
  std::vector<std::string> lines;
  Captured sites;
};

class RowStream : public testing::TestWithParam<std::string> {
 protected:
  RowStream() : pool_(2) {
    auto model = open_model(data_path("golden/llama-gqa-tied-bf16"));
    EXPECT_TRUE(model) << model.error().message;
    model_ = std::make_unique<Model>(*std::move(model));
    auto backend = shared_backend(GetParam(), {.threads = 2, .isa = {}});
    EXPECT_TRUE(backend) << backend.error().message;
    backend_ = *std::move(backend);
    // Chunks of one or two sequences, waves of three chunks or so.
    options_.chunk_tokens = 12;
    options_.wave_tokens = 25;
  }

  SiteSelection select(const std::string& sites) const {
    auto selection = SiteSelection::parse(sites, model_->spec);
    EXPECT_TRUE(selection) << selection.error().message;
    return *std::move(selection);
  }

  Executor executor(std::span<const std::unique_ptr<Metric>> metrics = {}) {
    return {*backend_, *model_, pool_, options_, metrics};
  }

  Status stream(Executor& executor, RowConsumer& consumer, const std::string& sites,
                const SiteSelection& measured = {}) {
    const auto ids = streamed_sequences();
    const SequenceRange all[] = {{0, static_cast<int>(ids.size())}};
    return executor.run(ids, all, measured, sink_, nullptr, {}, {select(sites), &consumer});
  }

  ThreadPool pool_;
  std::unique_ptr<Model> model_;
  std::shared_ptr<Backend> backend_;
  ExecOptions options_;
  TextSink sink_;
};

// Every site at once, as the rows of a metric that copies them; and beside such a metric.
TEST_P(RowStream, RowsAreThoseOfACapture) {
  RunSettings whole;
  whole.backend = GetParam();
  const Captured expected = full_run(*model_, streamed_sequences(), whole).sites;
  ASSERT_GT(expected.size(), 6U * 2U * 17U);
  Keeper keeper;
  Executor plain = executor();
  ASSERT_TRUE(stream(plain, keeper, "all"));
  EXPECT_TRUE(keeper.sites == expected);

  Captured beside;
  std::vector<std::unique_ptr<Metric>> metrics;
  metrics.push_back(std::make_unique<Capture>(beside));
  Keeper second;
  Executor measuring = executor(metrics);
  ASSERT_TRUE(stream(measuring, second, "resid_post,mlp_act,resid_pre", select("all")));
  EXPECT_TRUE(beside == expected);
  EXPECT_EQ(second.sites.size(), 6U * 2U * 3U);
  for (const auto& [key, rows] : second.sites) EXPECT_TRUE(rows == expected.at(key));
}

std::vector<std::string> expected_lines(const std::vector<std::pair<int, int>>& units) {
  std::vector<std::string> lines;
  for (const auto& [first, last] : units) {
    lines.push_back(fmt::format("begin {} {}", first, last));
    for (const char* place : {"-1 embeddings", "0 resid_mid", "1 resid_mid"}) {
      for (int i = first; i < last; ++i) lines.push_back(fmt::format("{} {}", place, i));
    }
    lines.emplace_back("end");
  }
  return lines;
}

TEST_P(RowStream, ASlowConsumerGetsEveryRowOnceInOrderInBoundedMemory) {
  Keeper keeper;
  keeper.sleep = 0.01;
  Executor slow = executor();
  ASSERT_TRUE(stream(slow, keeper, "embeddings,resid_mid"));
  ASSERT_GE(sink_.units.size(), 2U);
  EXPECT_EQ(keeper.lines, expected_lines(sink_.units));
  EXPECT_GE(keeper.taken, 9U);  // chunks of three places
  EXPECT_GT(slow.most_tap_bytes(), 0U);
  EXPECT_LE(slow.most_tap_bytes(), TapCollector::kUnderWay * keeper.largest);
}

TEST_P(RowStream, AFailingConsumerStopsTheRunWithItsError) {
  Executor stopped = executor();
  Keeper keeper;
  keeper.fail_at = 4;
  const Status status = stream(stopped, keeper, "resid_post");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::io);
  EXPECT_EQ(status.error().message, "the disk of this test is full");
  EXPECT_EQ(keeper.taken, 5U);
  // The executor can be used again, and gives what a fresh one gives.
  Keeper again;
  Keeper fresh;
  ASSERT_TRUE(stream(stopped, again, "resid_post"));
  Executor other = executor();
  ASSERT_TRUE(stream(other, fresh, "resid_post"));
  EXPECT_TRUE(again.sites == fresh.sites);
  EXPECT_EQ(again.sites.size(), 6U * 2U);
}

TEST_P(RowStream, AQueueKeepsOrderAndItsBound) {
  Keeper keeper;
  keeper.sleep = 0.005;
  {
    const std::size_t capacity = 2 * 12 * 32 * sizeof(float);
    QueuedRows queue(keeper, capacity);
    Executor run = executor();
    ASSERT_TRUE(stream(run, queue, "embeddings,resid_mid"));
    EXPECT_GT(queue.most_bytes(), 0U);
    EXPECT_LE(queue.most_bytes(), std::max(capacity, keeper.largest));
  }
  EXPECT_EQ(keeper.lines, expected_lines(sink_.units));
}

TEST_P(RowStream, AQueuesConsumerThatFailsStopsTheRun) {
  Keeper keeper;
  keeper.fail_at = 2;
  QueuedRows queue(keeper, 1);  // one block at a time
  Executor run = executor();
  const Status status = stream(run, queue, "resid_post");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "the disk of this test is full");
  EXPECT_EQ(keeper.taken, 3U);  // nothing is handed on after the error
}

INSTANTIATE_TEST_SUITE_P(Backends, RowStream, testing::ValuesIn(model_backends()),
                         [](const auto& info) { return info.param; });

// Counts the runs that were issued after the host had waited for the one before: what the device
// had to pause for.
class PauseCounter : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  Ticket run(Prepared& prepared, const Bindings& bindings, Tickets after) override {
    if (waited_for_last_) ++pauses;
    ++runs;
    const Ticket ticket = ForwardingBackend::run(prepared, bindings, after);
    last_run_ = ticket.count;
    waited_for_last_ = false;
    return ticket;
  }
  Status wait(Ticket ticket) override {
    waited_for_last_ = waited_for_last_ || ticket.count >= last_run_;
    return ForwardingBackend::wait(ticket);
  }
  void start_over() {
    pauses = runs = 0;
    last_run_ = UINT64_MAX;
    waited_for_last_ = false;
  }

  int pauses = 0;
  int runs = 0;

 private:
  std::uint64_t last_run_ = UINT64_MAX;
  bool waited_for_last_ = false;
};

// Chunks of a layer, and layers whose weights are resident, follow each other without a pause; the
// rows of all sites come back meanwhile.
TEST(RowStreamOrder, TheNextChunkIsIssuedBeforeTheLastIsCollected) {
  auto made = make_backend("cpu", {.threads = 1, .isa = {}});
  ASSERT_TRUE(made);
  PauseCounter backend(*std::move(made));
  ThreadPool pool(1);
  const auto model = open_model(data_path("golden/llama-gqa-tied-bf16"));
  ASSERT_TRUE(model);
  ExecOptions options;
  options.chunk_tokens = 12;
  Executor executor(backend, *model, pool, options, {});
  const auto all_sites = SiteSelection::parse("all", model->spec);
  ASSERT_TRUE(all_sites);
  const auto ids = streamed_sequences();
  const SequenceRange all[] = {{0, static_cast<int>(ids.size())}};
  TextSink sink;
  Keeper first;  // packs the weights
  ASSERT_TRUE(executor.run(ids, all, {}, sink, nullptr, {}, {*all_sites, &first}));
  EXPECT_GT(backend.pauses, 0);
  backend.start_over();
  Keeper second;
  ASSERT_TRUE(executor.run(ids, all, {}, sink, nullptr, {}, {*all_sites, &second}));
  EXPECT_EQ(backend.runs, 4 * 4);  // chunks, by two layers between embedding and final norm
  EXPECT_EQ(backend.pauses, 0);
  EXPECT_EQ(second.lines, first.lines);
}

}  // namespace
}  // namespace tepui::test
