// SPDX-License-Identifier: MIT
// The whole forward pass of a 134M-parameter shape with and without statistics at every layer, and
// with those of attention, interleaved in one run: what they cost, and what share of the FMA rate
// the pass reaches. Usage: model_bench [tokens] [threads]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>

#include "backend/cpu/calibrate.h"
#include "backend/registry.h"
#include "exec/executor.h"
#include "prefill.h"

namespace tepui::bench {
namespace {

constexpr int kRounds = 7;
constexpr int kTokensAtOnce = 2048;

class NullSink : public RowSink {
 public:
  Status begin_unit(int, int) override { return {}; }
  Status add(const Observation&) override { return {}; }
  Status add(const Series&) override { return {}; }
  Status end_unit() override { return {}; }
};

struct Spread {
  double median, least, most;
};

Spread spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}

void print(const char* name, const std::vector<double>& values, const char* unit) {
  const Spread s = spread(values);
  std::printf("%-44s %9.3f  (%.3f - %.3f) %s\n", name, s.median, s.least, s.most, unit);
}

// What `tepui attention` measures in every layer, of the first token.
SiteSelection attention_sites(const NamedShape& shape) {
  std::vector<Point> points;
  for (int layer = 0; layer < shape.layers; ++layer) {
    for (const Site site :
         {Site::attn_probs, Site::resid_pre, Site::attn_in, Site::q, Site::k, Site::v})
      points.push_back({layer, site});
  }
  return SiteSelection::of(std::move(points));
}

Status run(int length, int threads) {
  TEPUI_TRY(const NamedShape shape, named_shape("llama-134m"));
  TEPUI_TRY(const Model model, random_model(shape, DType::f32));
  ThreadPool pool(threads);
  BackendOptions options;
  options.threads = threads;
  TEPUI_TRY(const auto backend, make_backend("cpu", options));
  std::printf("%s, %d-token sequences, %d threads, %s\n", shape.name.data(), length, threads,
              backend->device().detail.c_str());
  std::mt19937 random(2);
  std::vector<std::vector<TokenId>> sequences(
      static_cast<std::size_t>(std::max(1, kTokensAtOnce / length)));
  for (auto& ids : sequences) {
    for (int i = 0; i < length; ++i) ids.push_back(static_cast<TokenId>(random() % 32000));
  }
  const auto metrics = scan_metrics({});
  TEPUI_TRY(const auto tapped, SiteSelection::parse("resid_post", model.spec));
  const SiteSelection plain;
  Executor executor(*backend, model, pool, {}, metrics);
  const TokenMarks marks(sequences.size(), std::vector<int>{0});
  const auto of_attention = attention_metrics({}, marks);
  const SiteSelection attention = attention_sites(shape);
  Executor attention_executor(*backend, model, pool, {}, of_attention);
  NullSink sink;
  const SequenceRange all[] = {{0, static_cast<int>(sequences.size())}};
  const auto seconds_of = [&](Executor& of, const SiteSelection& sites) -> Result<double> {
    const double start = seconds_now();
    TEPUI_TRY(of.run(sequences, all, sites, sink, nullptr));
    return seconds_now() - start;
  };
  const auto seconds = [&](const SiteSelection& sites) { return seconds_of(executor, sites); };
  TEPUI_TRY(seconds(plain));  // packs the weights
  TEPUI_TRY(seconds(tapped));
  TEPUI_TRY(seconds_of(attention_executor, attention));
  const double flops = prefill_flops(shape, static_cast<int>(sequences.size()), length);
  std::vector<double> rate, share, tokens, cost, attention_cost;
  for (int round = 0; round < kRounds; ++round) {
    const double before = fma_rate(pool, backend->device().isa);
    TEPUI_TRY(const double without, seconds(plain));
    TEPUI_TRY(const double with, seconds(tapped));
    TEPUI_TRY(const double again, seconds(plain));
    TEPUI_TRY(const double looking, seconds_of(attention_executor, attention));
    const double after = fma_rate(pool, backend->device().isa);
    const double bare = 0.5 * (without + again);
    rate.push_back(0.5 * (before + after) / 1e9);
    share.push_back(flops / bare / (0.5 * (before + after)));
    tokens.push_back(static_cast<double>(sequences.size()) * length / with);
    cost.push_back(with / bare - 1.0);
    attention_cost.push_back(looking / bare - 1.0);
  }
  print("FMA rate", rate, "GFLOP/s");
  print("pass without statistics, share of FMA rate", share, "");
  print("with statistics", tokens, "tokens/s");
  print("cost of statistics at every layer", cost, "of the pass");
  print("cost of attention's at every layer", attention_cost, "of the pass");
  return {};
}

}  // namespace
}  // namespace tepui::bench

int main(int argc, char** argv) {
  const int length = argc > 1 ? std::atoi(argv[1]) : 512;
  const int threads = argc > 2 ? std::atoi(argv[2]) : tepui::ThreadPool::hardware_threads();
  if (length < 1 || length > 2048 || threads < 1) {
    std::fprintf(stderr, "usage: model_bench [tokens 1-2048] [threads]\n");
    return 2;
  }
  const tepui::Status status = tepui::bench::run(length, threads);
  if (!status) std::fprintf(stderr, "model_bench: %s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
