// SPDX-License-Identifier: MIT
#include "study/sink_strength.h"

#include "study/run_plan.h"
#include "tepui/metric.h"

namespace tepui {

namespace {

class ReceivedSink final : public RowSink {
 public:
  ReceivedSink(Sequences sequences, int layers) : layers_(layers) {
    for (const auto& ids : sequences) {
      first_.push_back(strengths_.size());
      strengths_.resize(strengths_.size() + ids.size());
    }
    first_.push_back(strengths_.size());
  }

  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status end_unit() override { return {}; }
  Status add(const Observation& /*row*/) override { return {}; }
  Status add(const Series& row) override {
    if (row.metric != "received") return {};
    const auto s = static_cast<std::size_t>(row.sequence);
    const std::size_t length = first_[s + 1] - first_[s];
    const double heads = static_cast<double>(row.values.size()) / static_cast<double>(length);
    for (std::size_t i = 0; i < row.values.size(); ++i)
      strengths_[first_[s] + i % length] += double{row.values[i]} / heads / layers_;
    return {};
  }

  std::vector<double> finish() { return std::move(strengths_); }

 private:
  double layers_;
  std::vector<std::size_t> first_;
  std::vector<double> strengths_;
};

}  // namespace

Result<std::vector<double>> sink_strengths(const InputRequest& request, const ScanInput& opened,
                                           ThreadPool& pool, const OnProgress& on_progress) {
  const Sequences sequences = opened.sequences;
  const int layers = opened.model.spec.dims.layers;
  std::vector<Point> points;
  for (int layer = 0; layer < layers; ++layer) points.push_back({layer, Site::attn_probs});
  const SiteSelection sites = SiteSelection::of(std::move(points));
  const TokenMarks nothing(sequences.size());
  const auto metrics = attention_metrics({}, nothing);
  TEPUI_TRY(const Schedule schedule, make_schedule({}, layers));
  const RunWork work{schedule, sites, metrics, false, false};
  TEPUI_TRY(const RunPlan plan, RunPlan::make(request, opened, work, sequences));
  ReceivedSink sink(sequences, layers);
  Executor executor(*opened.backend, opened.model, pool, plan.options({}, ""), metrics);
  const SequenceRange all[] = {{0, static_cast<int>(sequences.size())}};
  TEPUI_TRY(executor.run(sequences, all, sites, sink, on_progress));
  return sink.finish();
}

}  // namespace tepui
