// SPDX-License-Identifier: MIT
#include <cmath>

#include "metrics/list.h"

namespace tepui {

namespace {

constexpr std::uint32_t kNoIndex = 0xffffffffU;

class TopK : public Metric {
 public:
  TopK(int k, std::string_view name, bool keep_not_finite)
      : k_(k), name_(name), keep_not_finite_(keep_not_finite) {}

  std::string_view name() const override { return name_; }

  std::vector<Value> emit(EmitContext& context) const override {
    const auto top =
        context.builder.top_k_abs(context.x, context.offsets, static_cast<uint>(k_), "top_k");
    return {top.value, top.index};
  }

  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    const auto values = outputs[0].as<float>();
    const auto indices = outputs[1].as<std::uint32_t>();
    const auto k = static_cast<std::size_t>(k_);
    for (std::size_t s = 0; s < context.lengths.size(); ++s) {
      for (std::size_t rank = 0; rank < k; ++rank) {
        const std::uint32_t index = indices[s * k + rank];
        if (index == kNoIndex) break;
        Observation row;
        row.sequence = context.first_sequence + static_cast<int>(s);
        row.point = context.point;
        row.metric = name_;
        row.rank = static_cast<int>(rank);
        row.position = index / static_cast<std::uint32_t>(context.width);
        row.channel = index % static_cast<std::uint32_t>(context.width);
        row.value = values[s * k + rank];
        if (!std::isfinite(row.value) && !context.edited && !keep_not_finite_)
          return not_finite(row);
        TEPUI_TRY(sink.add(row));
      }
    }
    return {};
  }

 private:
  // NaN and infinity sort first, so that the first row shows whether there is one.
  static Status not_finite(const Observation& row) {
    const std::string place =
        row.point.layer == kNoLayer ? "" : fmt::format(" of layer {}", row.point.layer);
    return fail(
        ErrorKind::data,
        "activation {}{} is {} at sequence {}, position {}, channel {}: expected finite values",
        site_name(row.point.site), place, spelled(row.value), row.sequence, row.position,
        row.channel);
  }

  // Backends differ in the sign of a NaN, which means nothing.
  static float spelled(float value) { return std::isnan(value) ? std::abs(value) : value; }

  int k_;
  std::string_view name_;
  bool keep_not_finite_;
};

}  // namespace

std::unique_ptr<Metric> make_top_k(const ScanMetricOptions& options) {
  return std::make_unique<TopK>(options.top, "top_k", options.keep_not_finite);
}
std::unique_ptr<Metric> make_largest() { return std::make_unique<TopK>(1, "largest", false); }

}  // namespace tepui
