// SPDX-License-Identifier: MIT
// Many branches in one run: 64 single edits of resid_post spread over the layers of a model that
// passes through memory layer by layer. What sharing saves, how often the weights are read, whether
// the plan's time is kept, and what the time goes to. Usage: sweep_bench [tokens] [threads]
// [rounds]
#include <cstdio>
#include <cstdlib>
#include <random>

#include "backend/registry.h"
#include "exec/executor.h"
#include "exec/head.h"
#include "exec/speed.h"
#include "models/named_shape.h"
#include "study/branches.h"

namespace tepui::bench {
namespace {

constexpr int kEdits = 64;
constexpr double kMostBlockRuns = 0.55;
constexpr double kMostTime = 1.1;

NamedShape sweep_shape() { return {"llama-118m-32-layers", 512, 1376, 32, 8, 8, 16000, 2048}; }

class NullSink : public RowSink {
 public:
  Status begin_unit(int, int) override { return {}; }
  Status add(const Observation&) override { return {}; }
  Status add(const Series&) override { return {}; }
  Status end_unit() override { return {}; }
};

Result<std::vector<Branch>> edits(const ModelSpec& spec) {
  std::vector<BranchRequest> requests;
  for (int i = 0; i < kEdits; ++i)
    requests.push_back(
        {"", fmt::format("resid_post.{}:{}:1=zero", i * spec.dims.layers / kEdits, i % 2)});
  TEPUI_TRY(const auto specs, parse_branches(requests, spec, "--edit"));
  std::vector<std::string> notes;
  return ready_branches(specs, spec, {}, notes);
}

void say(const char* what, double value, const char* unit) {
  std::printf("%-46s %10.4f %s\n", what, value, unit);
}

Result<bool> round_of(Backend& backend, const Model& model, ThreadPool& pool, Sequences sequences) {
  TEPUI_TRY(const auto branches, edits(model.spec));
  TEPUI_TRY(const Schedule schedule, make_schedule(branches, model.spec.dims.layers));
  TEPUI_TRY(const auto sites, SiteSelection::parse("resid_post", model.spec));
  ScanMetricOptions measured;
  measured.top = 4;
  measured.fractions = {};
  const auto metrics = intervention_metrics(measured);
  MemoryQuestion question{backend, model, sequences, schedule, sites, metrics, true, 0, 0, false};
  // Room for the layer that computes and the one that is loaded meanwhile.
  const WeightStore sizes(backend, model, pool, 0);
  MemoryDivision memory;
  memory.weights = 2 * sizes.largest_layer() + sizes.bytes_of(kNoLayer);
  memory.chunk_tokens = 512;
  memory.wave_tokens = 1 << 20;
  memory.loads_ahead = true;
  TEPUI_TRY(const Speed speed, measure_speed(backend, model, pool, question, memory));
  const Expectation expected = expect(question, memory, speed);

  ExecOptions options;
  memory.apply(options);
  Executor executor(backend, model, pool, options, metrics);
  TEPUI_TRY(const auto head, Head::make(backend, model, pool, 0, false));
  NullSink sink;
  const SequenceRange all[] = {{0, static_cast<int>(sequences.size())}};
  const auto score = [&](const ChunkResult& chunk) -> Status {
    std::vector<std::int32_t> targets(static_cast<std::size_t>(chunk.shape->rows()), 1);
    TEPUI_TRY(head->scores(chunk.branches, chunk.shape->rows(), targets));
    return {};
  };
  TEPUI_TRY(executor.run(sequences, all, sites, sink, nullptr, {score, {}}, {}, &schedule));
  const ExecTimes times = executor.times();
  std::uint64_t stored = 0;
  for (const auto& layer : model.layers)
    for (const BoundWeight& weight : layer)
      if (kind_of(weight.role) == WeightKind::matrix) stored += weight.tensor->bytes.size();

  const double runs = static_cast<double>(expected.block_runs) /
                      (static_cast<double>(expected.chunks) * kEdits * model.spec.dims.layers);
  const double read = static_cast<double>(times.bytes_read) / static_cast<double>(stored);
  const double layers = times.total - times.head;
  const double planned = expected.seconds() - expected.head;
  say("block runs, of those of 64 separate passes", runs, "");
  say("layers' weights read", read, "times");
  say("layers, planned", planned, "s");
  say("layers, taken", layers, "s");
  say("taken / planned", layers / planned, "");
  say("head, planned", expected.head, "s");
  say("head, taken", times.head, "s");
  say("all, taken / planned", times.total / expected.seconds(), "");
  say("share of layers' time: waiting for weights", times.weights / layers, "");
  say("  computing", times.device() / layers, "");
  say("  host: rows, states, issuing", times.host() / layers, "");
  const bool good =
      runs <= kMostBlockRuns && read < 1.001 && times.total <= kMostTime * expected.seconds();
  std::printf("%s\n\n", good ? "within all bounds" : "OUT OF BOUNDS");
  return good;
}

Result<bool> run(int tokens, int threads, int rounds) {
  const NamedShape shape = sweep_shape();
  TEPUI_TRY(const Model model, random_model(shape, DType::f32));
  ThreadPool pool(threads);
  BackendOptions options;
  options.threads = threads;
  TEPUI_TRY(const auto backend, make_backend("cpu", options));
  std::printf("%s, %d tokens, %d edits, %s\n\n", shape.name.data(), tokens, kEdits,
              backend->device().detail.c_str());
  std::mt19937 random(2);
  std::vector<std::vector<TokenId>> sequences(static_cast<std::size_t>(std::max(1, tokens / 256)));
  for (auto& ids : sequences)
    for (int i = 0; i < std::min(tokens, 256); ++i)
      ids.push_back(static_cast<TokenId>(random() % static_cast<unsigned>(shape.vocabulary)));
  bool good = true;
  for (int round = 0; round < rounds; ++round) {
    TEPUI_TRY(const bool one, round_of(*backend, model, pool, sequences));
    good = good && one;
  }
  return good;
}

}  // namespace
}  // namespace tepui::bench

int main(int argc, char** argv) {
  const int tokens = argc > 1 ? std::atoi(argv[1]) : 512;
  const int threads = argc > 2 ? std::atoi(argv[2]) : tepui::ThreadPool::hardware_threads();
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 3;
  if (tokens < 1 || threads < 1 || rounds < 1) {
    std::fprintf(stderr, "usage: sweep_bench [tokens] [threads] [rounds]\n");
    return 2;
  }
  const auto good = tepui::bench::run(tokens, threads, rounds);
  if (!good) std::fprintf(stderr, "sweep_bench: %s\n", good.error().message.c_str());
  return good && *good ? 0 : 1;
}
