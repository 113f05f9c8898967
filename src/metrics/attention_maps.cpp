// SPDX-License-Identifier: MIT
// Scores and probabilities of chosen heads, query by query, of the first sequences and their first
// tokens: those of a prefix are those of the whole, since a query never sees what follows it.
#include <algorithm>

#include "metrics/list.h"

namespace tepui {

namespace {

class AttentionMaps : public Metric {
 public:
  explicit AttentionMaps(const AttentionMetricOptions& options) : options_(options) {
    for (const auto& map : options.maps) heads_.push_back(map.head);
    std::ranges::sort(heads_);
    heads_.erase(std::unique(heads_.begin(), heads_.end()), heads_.end());
  }

  std::string_view name() const override { return "attention_maps"; }
  bool accepts(Site site) const override { return site == Site::attn_scores; }
  bool measures(int first_sequence, int) const override {
    return first_sequence < options_.map_sequences;
  }

  // Those of all layers that have maps, since layers share their Programs; rows() takes its own.
  std::vector<Value> emit(EmitContext& context) const override {
    const auto& scores = context.attention->scores;
    std::int64_t cells = 0;
    for (const int length : context.lengths) cells += side(length) * side(length);
    std::vector<Value> values;
    for (const int head : heads_) {
      const bool all = head == AttentionMetricOptions::kAllHeads;
      const auto map = context.builder.attention_map(
          scores, all ? 0 : static_cast<uint>(head), all ? scores.params.heads : 1,
          static_cast<uint>(options_.map_tokens), static_cast<uint>(cells), "map");
      values.push_back(map.score);
      values.push_back(map.probability);
    }
    return values;
  }

  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    std::size_t begin = 0;
    for (std::size_t s = 0; s < context.lengths.size(); ++s) {
      const int sequence = context.first_sequence + static_cast<int>(s);
      if (sequence >= options_.map_sequences) break;
      const auto tokens = static_cast<std::size_t>(side(context.lengths[s]));
      for (std::size_t i = 0; i < heads_.size(); ++i) {
        const bool asked = std::ranges::any_of(options_.maps, [&](const auto& map) {
          return map.layer == context.point.layer && map.head == heads_[i];
        });
        if (!asked) continue;
        const std::string metric = heads_[i] == AttentionMetricOptions::kAllHeads
                                       ? "map.mean"
                                       : fmt::format("map.{}", heads_[i]);
        Series row;
        row.sequence = sequence;
        row.metric = metric;
        for (std::size_t which = 0; which < 2; ++which) {
          const Site site = which == 0 ? Site::attn_scores : Site::attn_probs;
          row.point = {context.point.layer, site};
          row.values = outputs[2 * i + which].as<float>().subspan(begin, tokens * tokens);
          TEPUI_TRY(sink.add(row));
        }
      }
      begin += tokens * tokens;
    }
    return {};
  }

 private:
  std::int64_t side(int length) const { return std::min(length, options_.map_tokens); }

  AttentionMetricOptions options_;
  std::vector<int> heads_;
};

}  // namespace

std::unique_ptr<Metric> make_attention_maps(const AttentionMetricOptions& options) {
  return std::make_unique<AttentionMaps>(options);
}

}  // namespace tepui
