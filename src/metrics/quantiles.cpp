// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include "metrics/list.h"

namespace tepui {

namespace {

constexpr double kMedian = 0.5;

// Quantiles of |x| per sequence, and every value that stands far above the median: both come from
// one histogram.
class Quantiles : public Metric {
 public:
  explicit Quantiles(const ScanMetricOptions& options)
      : options_(options), fractions_(options.fractions) {
    fractions_.push_back(kMedian);
    std::ranges::sort(fractions_);
    fractions_.erase(std::unique(fractions_.begin(), fractions_.end()), fractions_.end());
    median_ = static_cast<std::size_t>(std::ranges::find(fractions_, kMedian) - fractions_.begin());
  }

  std::string_view name() const override { return "quantile"; }

  std::vector<Value> emit(EmitContext& context) const override {
    const auto sequences = static_cast<std::int64_t>(context.lengths.size());
    const auto count = static_cast<std::int64_t>(fractions_.size());
    const Value ranks = context.builder.input({DType::u32, Shape{sequences, count}}, "ranks");
    context.constants.push_back({ranks, rank_bytes(context)});
    const Value quantiles =
        context.builder.quantile_abs(context.x, context.offsets, ranks, "quantile");
    const Builder::AboveRule rule{static_cast<uint>(options_.capacity), static_cast<uint>(median_),
                                  static_cast<float>(options_.keep_ratio * kBelow),
                                  static_cast<float>(options_.keep_floor * kBelow)};
    const auto above =
        context.builder.above_abs(context.x, context.offsets, quantiles, rule, "above");
    return {quantiles, above.count, above.value, above.index};
  }

  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    for (std::size_t s = 0; s < context.lengths.size(); ++s) {
      Observation row;
      row.sequence = context.first_sequence + static_cast<int>(s);
      row.point = context.point;
      TEPUI_TRY(quantile_rows(outputs, s, row, sink));
      TEPUI_TRY(above_rows(outputs, s, context.width, row, sink));
    }
    return {};
  }

 private:
  // The device compares in f32; what it keeps must hold everything that the rule, in double, could
  // want.
  static constexpr double kBelow = 1.0 - 1e-6;

  std::vector<std::byte> rank_bytes(const EmitContext& context) const {
    std::vector<std::uint32_t> ranks;
    for (const int length : context.lengths) {
      const double last = static_cast<double>(length) * context.width - 1.0;
      for (const double fraction : fractions_)
        ranks.push_back(static_cast<std::uint32_t>(fraction * last));
    }
    std::vector<std::byte> bytes(ranks.size() * sizeof(ranks[0]));
    std::memcpy(bytes.data(), ranks.data(), bytes.size());
    return bytes;
  }

  Status quantile_rows(std::span<const HostView> outputs, std::size_t s, Observation row,
                       RowSink& sink) const {
    const auto values = outputs[0].as<float>();
    row.metric = "quantile";
    for (std::size_t i = 0; i < fractions_.size(); ++i) {
      row.rank = static_cast<int>(i);
      row.parameter = fractions_[i];
      row.value = values[s * fractions_.size() + i];
      TEPUI_TRY(sink.add(row));
    }
    return {};
  }

  Status above_rows(std::span<const HostView> outputs, std::size_t s, int width, Observation row,
                    RowSink& sink) const {
    const std::uint32_t count = outputs[1].as<std::uint32_t>()[s];
    const auto values = outputs[2].as<float>();
    const auto indices = outputs[3].as<std::uint32_t>();
    const auto capacity = static_cast<std::size_t>(options_.capacity);
    row.parameter = options_.keep_ratio;
    row.metric = "above_count";
    row.value = static_cast<float>(count);
    TEPUI_TRY(sink.add(row));
    row.metric = "above";
    for (std::size_t i = 0; i < std::min<std::size_t>(count, capacity); ++i) {
      const std::uint32_t index = indices[s * capacity + i];
      row.rank = static_cast<int>(i);
      row.position = index / static_cast<std::uint32_t>(width);
      row.channel = index % static_cast<std::uint32_t>(width);
      row.value = values[s * capacity + i];
      TEPUI_TRY(sink.add(row));
    }
    return {};
  }

  ScanMetricOptions options_;
  std::vector<double> fractions_;
  std::size_t median_ = 0;
};

}  // namespace

std::unique_ptr<Metric> make_quantiles(const ScanMetricOptions& options) {
  return std::make_unique<Quantiles>(options);
}

}  // namespace tepui
