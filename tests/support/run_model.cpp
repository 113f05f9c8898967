// SPDX-License-Identifier: MIT
#include "support/run_model.h"

#include <gtest/gtest.h>

#include "exec/head.h"
#include "support/shared_backend.h"

namespace tepui::test {

namespace {

std::shared_ptr<Backend> backend_of(const RunSettings& settings) {
  BackendOptions options;
  options.threads = settings.threads;
  options.isa = settings.isa;
  auto backend = shared_backend(settings.backend, options);
  EXPECT_TRUE(backend) << backend.error().message;
  return *std::move(backend);
}

std::vector<std::int32_t> next_tokens(const ChunkResult& chunk, Sequences sequences) {
  std::vector<std::int32_t> targets;
  for (std::size_t s = 0; s < chunk.shape->lengths.size(); ++s) {
    const auto& ids = sequences[static_cast<std::size_t>(chunk.first_sequence) + s];
    targets.insert(targets.end(), ids.end() - (chunk.shape->lengths[s] - 1), ids.end());
    targets.push_back(-1);
  }
  return targets;
}

// Cuts a chunk's rows into its sequences.
template <class T>
void split(const ChunkResult& chunk, std::span<const T> rows, std::size_t width,
           std::vector<std::vector<T>>& out) {
  auto begin = rows.begin();
  for (std::size_t s = 0; s < chunk.shape->lengths.size(); ++s) {
    const auto count =
        static_cast<std::ptrdiff_t>(static_cast<std::size_t>(chunk.shape->lengths[s]) * width);
    out[static_cast<std::size_t>(chunk.first_sequence) + s].assign(begin, begin + count);
    begin += count;
  }
}

}  // namespace

std::vector<std::string> model_backends() { return backend_names(); }

std::vector<std::string> scan_lines(const std::filesystem::path& folder, Sequences sequences,
                                    const RunSettings& settings) {
  ThreadPool pool(settings.threads);
  const auto model = open_model(folder);
  EXPECT_TRUE(model) << model.error().message;
  const auto backend = backend_of(settings);
  ScanMetricOptions options;
  options.surface = settings.surface;
  const auto metrics = scan_metrics(options);
  const auto sites = SiteSelection::parse(settings.sites, model->spec);
  EXPECT_TRUE(sites) << sites.error().message;
  TextSink sink;
  Executor executor(*backend, *model, pool, settings.exec, metrics);
  const SequenceRange all[] = {{0, static_cast<int>(sequences.size())}};
  const Status status = executor.run(sequences, all, *sites, sink, nullptr);
  EXPECT_TRUE(status) << status.error().message;
  return sink.sorted_lines();
}

FullRun full_run(const Model& model, Sequences sequences, const RunSettings& settings) {
  FullRun out;
  ThreadPool pool(settings.threads);
  const auto backend = backend_of(settings);
  std::vector<std::unique_ptr<Metric>> metrics;
  metrics.push_back(std::make_unique<Capture>(out.sites));
  const auto sites = SiteSelection::parse(settings.sites, model.spec);
  EXPECT_TRUE(sites) << sites.error().message;
  auto head = Head::make(*backend, model, pool, 37);  // tiles that do not divide the vocabulary
  EXPECT_TRUE(head) << head.error().message;
  out.logits.resize(sequences.size());
  out.arg_max.resize(sequences.size());
  out.losses.resize(sequences.size());
  const OnChunk on_chunk = [&](const ChunkResult& chunk) -> Status {
    const int rows = chunk.shape->rows();
    const auto vocabulary = static_cast<std::size_t>(model.spec.dims.vocabulary);
    TEPUI_TRY(const auto logits, (*head)->logits(chunk.final_norm, rows));
    split<float>(chunk, logits, vocabulary, out.logits);
    TEPUI_TRY(const auto best, (*head)->arg_max(chunk.final_norm, rows));
    split<std::uint32_t>(chunk, best, 1, out.arg_max);
    TEPUI_TRY(const auto losses,
              (*head)->losses(chunk.final_norm, rows, next_tokens(chunk, sequences)));
    split<double>(chunk, losses, 1, out.losses);
    return {};
  };
  TextSink sink;
  Executor executor(*backend, model, pool, settings.exec, metrics);
  const SequenceRange all[] = {{0, static_cast<int>(sequences.size())}};
  const Status status =
      executor.run(sequences, all, *sites, sink, nullptr, {on_chunk, settings.last_rows});
  EXPECT_TRUE(status) << status.error().message;
  return out;
}

}  // namespace tepui::test
