// SPDX-License-Identifier: MIT
// Per-channel and per-token maxima and the norm of each token: arrays, one for each sequence.
#include "metrics/list.h"

namespace tepui {

namespace {

// Cuts one chunk's arrays into those of its sequences; `lengths` says how many elements each has.
Status series_rows(std::string_view metric, std::span<const HostView> outputs,
                   std::span<const int> lengths, const TapContext& context, RowSink& sink) {
  std::size_t begin = 0;
  for (std::size_t s = 0; s < lengths.size(); ++s) {
    const auto length = static_cast<std::size_t>(lengths[s]);
    Series row;
    row.sequence = context.first_sequence + static_cast<int>(s);
    row.point = context.point;
    row.metric = metric;
    row.values = outputs[0].as<float>().subspan(begin, length);
    if (outputs.size() > 1) row.indices = outputs[1].as<std::uint32_t>().subspan(begin, length);
    TEPUI_TRY(sink.add(row));
    begin += length;
  }
  return {};
}

class ChannelMax : public Metric {
 public:
  std::string_view name() const override { return "channel_max"; }
  std::vector<Value> emit(EmitContext& context) const override {
    const auto largest = context.builder.channel_max_abs(context.x, context.offsets, "channel_max");
    return {largest.value, largest.index};
  }
  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    const std::vector<int> widths(context.lengths.size(), context.width);
    return series_rows(name(), outputs, widths, context, sink);
  }
};

class TokenMax : public Metric {
 public:
  std::string_view name() const override { return "token_max"; }
  std::vector<Value> emit(EmitContext& context) const override {
    const auto largest = context.builder.token_max_abs(context.x, "token_max");
    return {largest.value, largest.index};
  }
  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    return series_rows(name(), outputs, context.lengths, context, sink);
  }
};

class L2Norm : public Metric {
 public:
  std::string_view name() const override { return "l2_norm"; }
  std::vector<Value> emit(EmitContext& context) const override {
    return {context.builder.l2_norm(context.x, "l2_norm")};
  }
  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    return series_rows(name(), outputs, context.lengths, context, sink);
  }
};

}  // namespace

std::unique_ptr<Metric> make_channel_max() { return std::make_unique<ChannelMax>(); }
std::unique_ptr<Metric> make_token_max() { return std::make_unique<TokenMax>(); }
std::unique_ptr<Metric> make_l2_norm() { return std::make_unique<L2Norm>(); }

}  // namespace tepui
