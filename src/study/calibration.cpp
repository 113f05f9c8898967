// SPDX-License-Identifier: MIT
#include "study/calibration.h"

#include <cmath>
#include <limits>
#include <set>

#include "study/massive.h"
#include "study/token_progress.h"
#include "tepui/metric.h"

namespace tepui {

namespace {

struct Group {
  Point point;
  std::int64_t channel = 0;
  bool first = false;

  bool operator<(const Group& other) const {
    if (point != other.point) return point < other.point;
    return std::pair(channel, !first) < std::pair(other.channel, !other.first);
  }
};

// Takes the rows of the quantile metric: of each sequence and place the median, then the count of
// what stands above it, then those values.
class MassiveSink final : public RowSink {
 public:
  explicit MassiveSink(const MassiveRule& rule) : rule_(rule) {}

  Status begin_unit(int /*first*/, int /*last*/) override { return {}; }
  Status end_unit() override { return {}; }
  Status add(const Series& /*row*/) override { return {}; }

  Status add(const Observation& row) override {
    if (row.metric == "quantile" && row.parameter == 0.5) median_ = double{row.value};
    if (row.metric == "above_count") listed_ = row.value;
    if (row.metric != "above") return {};
    if (row.rank + 1 == kCapacity && listed_ > static_cast<float>(kCapacity))
      return fail(
          ErrorKind::data,
          "calibration: more than {} massive activations at {} of sequence {}: expected few; "
          "raise --min-abs or --min-ratio",
          kCapacity, site_name(row.point.site), row.sequence);
    if (!passes(rule_, double{row.value}, median_)) return {};
    groups_[{row.point, row.channel, row.position == 0}].push_back(row.value);
    sequences_[row.point].insert(row.sequence);
    return {};
  }

  Calibration result(int sequences) const {
    Calibration out;
    out.sequences = sequences;
    for (const auto& [point, which] : sequences_)
      out.massive[point] = static_cast<int>(which.size());
    for (const auto& [group, values] : groups_) {
      const auto count = static_cast<double>(values.size());
      double sum = 0;
      for (const float value : values) sum += double{value};
      double squares = 0;
      for (const float value : values) squares += std::pow(double{value} - sum / count, 2);
      out.means.push_back({group.point, group.channel, group.first,
                           static_cast<std::int64_t>(values.size()), sum / count,
                           values.size() > 1 ? std::sqrt(squares / (count - 1)) : 0});
    }
    return out;
  }

  static constexpr int kCapacity = 4096;

 private:
  MassiveRule rule_;
  double median_ = 0;
  float listed_ = 0;
  std::map<Group, std::vector<float>> groups_;
  std::map<Point, std::set<int>> sequences_;
};

}  // namespace

std::vector<int> Calibration::massive_layers(Site site) const {
  std::vector<int> layers;
  for (const auto& [point, count] : massive) {
    if (point.site == site && 2 * count >= sequences) layers.push_back(point.layer);
  }
  return layers;
}

MeanTable Calibration::table(Point point, int width) const {
  MeanTable table;
  table.values.assign(2 * static_cast<std::size_t>(width), std::numeric_limits<float>::quiet_NaN());
  for (const CalibrationRow& row : means) {
    if (row.point != point || row.channel >= width) continue;
    const std::size_t base = row.first ? 0 : static_cast<std::size_t>(width);
    table.values[base + static_cast<std::size_t>(row.channel)] = static_cast<float>(row.mean);
  }
  return table;
}

Result<Calibration> calibrate(Backend& backend, const Model& model, ThreadPool& pool,
                              const ExecOptions& options, Sequences sequences,
                              const SiteSelection& sites, const OnProgress& on_progress) {
  ScanMetricOptions measured;
  measured.fractions = {};
  measured.keep_ratio = options.massive.min_ratio;
  measured.keep_floor = options.massive.min_abs;
  measured.capacity = MassiveSink::kCapacity;
  const auto metrics = calibration_metrics(measured);
  MassiveSink sink(options.massive);
  Executor executor(backend, model, pool, options, metrics);
  const SequenceRange all[] = {{0, static_cast<int>(sequences.size())}};
  TEPUI_TRY(
      executor.run(sequences, all, sites, sink, in_tokens(on_progress, tokens_in(sequences, all))));
  return sink.result(static_cast<int>(sequences.size()));
}

}  // namespace tepui
