// SPDX-License-Identifier: MIT
#include "study/massive_tokens.h"

#include <set>

#include "study/massive.h"
#include "study/token_progress.h"

namespace tepui {

namespace {

// Takes the rows of the quantile metric: of each sequence and place the median, then the count of
// what stands above it, then those values.
class MassiveSink final : public RowSink {
 public:
  static constexpr int kCapacity = 4096;

  MassiveSink(const MassiveRule& rule, MassiveActivations& found) : rule_(rule), found_(found) {}

  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status end_unit() override { return {}; }
  Status add(const Series& /*row*/) override { return {}; }

  Status add(const Observation& row) override {
    if (row.metric == "quantile" && row.parameter == 0.5) median_ = double{row.value};
    if (row.metric == "above_count" && row.value > static_cast<float>(kCapacity))
      return fail(ErrorKind::data,
                  "sequence {}: {:.0f} activations stand out at resid_post of layer {}: expected "
                  "at most {}; raise --min-abs or --min-ratio",
                  row.sequence, row.value, row.point.layer, kCapacity);
    if (row.metric != "above" || !passes(rule_, double{row.value}, median_)) return {};
    auto& own = found_[static_cast<std::size_t>(row.sequence)];
    own.push_back({row.point.layer, row.position, row.channel, row.value});
    return {};
  }

 private:
  MassiveRule rule_;
  MassiveActivations& found_;
  double median_ = 0;
};

}  // namespace

Result<MassiveActivations> find_massive(Backend& backend, const Model& model, ThreadPool& pool,
                                        const ExecOptions& options, Sequences sequences,
                                        std::span<const SequenceRange> ranges,
                                        const OnProgress& on_progress) {
  ScanMetricOptions measured;
  measured.fractions = {};
  measured.keep_ratio = options.massive.min_ratio;
  measured.keep_floor = options.massive.min_abs;
  measured.capacity = MassiveSink::kCapacity;
  const auto metrics = calibration_metrics(measured);
  MassiveActivations found(sequences.size());
  MassiveSink sink(options.massive, found);
  TEPUI_TRY(const SiteSelection sites, SiteSelection::parse("resid_post", model.spec));
  Executor executor(backend, model, pool, options, metrics);
  TEPUI_TRY(executor.run(sequences, ranges, sites, sink,
                         in_tokens(on_progress, tokens_in(sequences, ranges))));
  const TokenMarks marks = marks_of(found);
  for (std::size_t s = 0; s < marks.size(); ++s) {
    if (marks[s].size() <= kMostMarked) continue;
    return fail(ErrorKind::data,
                "sequence {}: {} tokens hold massive activations: expected at most {}; raise "
                "--min-abs or --min-ratio",
                s, marks[s].size(), kMostMarked);
  }
  return found;
}

TokenMarks marks_of(const MassiveActivations& activations) {
  TokenMarks marks;
  for (const auto& own : activations) {
    std::set<int> positions;
    for (const MassiveActivation& one : own) positions.insert(static_cast<int>(one.position));
    marks.emplace_back(positions.begin(), positions.end());
  }
  return marks;
}

Status MassiveRows::begin_unit(int first_sequence, int last_sequence) {
  TEPUI_TRY(sink_.begin_unit(first_sequence, last_sequence));
  for (int s = first_sequence; s < last_sequence; ++s) {
    if (static_cast<std::size_t>(s) >= massive_.size()) break;
    int layer = kNoLayer;
    int rank = 0;
    for (const MassiveActivation& one : massive_[static_cast<std::size_t>(s)]) {
      rank = one.layer == layer ? rank + 1 : 0;
      layer = one.layer;
      Observation row;
      row.sequence = s;
      row.point = {layer, Site::resid_post};
      row.metric = "massive";
      row.rank = rank;
      row.position = one.position;
      row.channel = one.channel;
      row.value = one.value;
      TEPUI_TRY(sink_.add(row));
    }
  }
  return {};
}

}  // namespace tepui
