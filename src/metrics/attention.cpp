// SPDX-License-Identifier: MIT
// What attention does in a layer, by head: what each key receives, the entropy of each query, what
// the marked tokens receive of the queries behind them, and how constant their part of the output
// is over these queries. The part is made of the marked tokens' values alone, a few vectors for
// each sequence, which are projected once; the rest is the output less the part.
#include <algorithm>
#include <cmath>

#include "metrics/list.h"
#include "metrics/token_marks.h"

namespace tepui {

namespace {

class AttentionMetric : public Metric {
 public:
  AttentionMetric(const AttentionMetricOptions& options, const TokenMarks& marks)
      : early_(options.early), marks_(marks) {}

  std::string_view name() const override { return "attention"; }
  bool accepts(Site site) const override { return site == Site::attn_probs; }
  std::string variant(int first_sequence, int last_sequence) const override {
    return marks_key(marks_, first_sequence, last_sequence);
  }

  std::vector<Value> emit(EmitContext& context) const override {
    const AttentionOperands& attention = *context.attention;
    const AttentionParams& params = attention.scores.params;
    Builder& builder = context.builder;
    const ChunkMarks marks(marks_, context.first_sequence, context.lengths);
    const auto sequences = static_cast<std::int64_t>(context.lengths.size());
    const Value marked =
        add_constant(context, Shape{sequences, marks.most()}, marks.table(), "marked");
    const Value kinds =
        add_constant(context, Shape{std::int64_t{params.rows}}, marks.kinds(), "kinds");
    const auto stats =
        builder.attention_stats(attention.scores, marked, static_cast<uint>(early_), "attention");
    const Value offsets = attention.scores.offsets;
    const Value values = builder.head_values(attention.v, marked, offsets, params.heads,
                                             params.kv_heads, "marked values");
    const Value projected = builder.linear(values, attention.projection, kNone, kNone,
                                           TEPUI_ACT_NONE, "marked values projected");
    const Value part = builder.mix_rows(stats.chosen, values, offsets, "part");
    const Value part_out = builder.mix_rows(stats.chosen, projected, offsets, "part projected");
    const auto constancy = [&](Value x, Value less, Value shift, uint groups, const char* what) {
      return builder.constancy(x, less, shift, kinds, offsets, groups, kBehind, what);
    };
    return {stats.received,
            stats.entropy,
            stats.chosen,
            constancy(part, kNone, kNone, params.heads, "constancy of part"),
            constancy(attention.z, part, kNone, params.heads, "constancy of rest"),
            constancy(part_out, kNone, kNone, 1, "constancy of part projected"),
            constancy(attention.out, part_out, attention.projection_bias, 1,
                      "constancy of rest projected")};
  }

  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    const ChunkMarks marks(marks_, context.first_sequence, context.lengths);
    std::size_t row = 0;
    for (std::size_t s = 0; s < context.lengths.size(); ++s) {
      Rows rows(outputs, context, s, row, sink);
      TEPUI_TRY(rows.received(early_));
      TEPUI_TRY(rows.entropy());
      TEPUI_TRY(rows.of_marked(marks));
      row += static_cast<std::size_t>(context.lengths[s]);
    }
    return {};
  }

 private:
  // The rows of one sequence.
  class Rows {
   public:
    Rows(std::span<const HostView> outputs, const TapContext& context, std::size_t s,
         std::size_t first_row, RowSink& sink)
        : outputs_(outputs),
          context_(context),
          s_(s),
          first_row_(first_row),
          length_(static_cast<std::size_t>(context.lengths[s])),
          heads_(static_cast<std::size_t>(outputs[1].type.shape[1])),
          sink_(sink) {}

    // Means over the queries at or behind each key.
    Status received(int early) {
      const auto sums = outputs_[0].as<float>();
      const std::size_t within = std::min(length_, static_cast<std::size_t>(early));
      std::vector<float> all(heads_ * length_);
      std::vector<float> first(heads_ * within);
      for (std::size_t key = 0; key < length_; ++key) {
        for (std::size_t h = 0; h < heads_; ++h) {
          const float* sum = &sums[((first_row_ + key) * heads_ + h) * 2];
          all[h * length_ + key] = mean(sum[0], length_ - key);
          if (key < within) first[h * within + key] = mean(sum[1], within - key);
        }
      }
      TEPUI_TRY(check_finite(all));
      TEPUI_TRY(add("received", all));
      return add("received_early", first);
    }

    Status entropy() {
      const auto entropies = outputs_[1].as<float>();
      std::vector<double> sums(heads_, 0.0);
      for (std::size_t i = 0; i < length_ * heads_; ++i)
        sums[i % heads_] += static_cast<double>(entropies[first_row_ * heads_ + i]);
      return add("entropy", means(sums, length_));
    }

    // Nothing where no query comes behind a marked token.
    Status of_marked(const ChunkMarks& marks) {
      const auto chosen = outputs_[2].as<float>();
      const auto most = static_cast<std::size_t>(marks.most());
      std::vector<double> sums(heads_, 0.0);
      std::size_t queries = 0;
      for (std::size_t i = 0; i < length_; ++i) {
        if (marks.kind(s_, static_cast<int>(i)) != kBehind) continue;
        ++queries;
        const auto own = chosen.subspan((first_row_ + i) * most * heads_, most * heads_);
        for (std::size_t at = 0; at < own.size(); ++at)
          sums[at % heads_] += static_cast<double>(own[at]);
      }
      if (queries == 0) return {};
      TEPUI_TRY(add("marked_share", means(sums, queries)));
      constexpr std::string_view kNames[] = {"z_part", "z_rest", "out_part", "out_rest"};
      for (std::size_t i = 0; i < 4; ++i) {
        const auto values = outputs_[3 + i].as<float>();
        const std::size_t own = values.size() / context_.lengths.size();
        const auto of_sequence = values.subspan(s_ * own, own);
        TEPUI_TRY(add(kNames[i], {of_sequence.begin(), of_sequence.end()}));
      }
      return {};
    }

   private:
    // What an edit makes of attention is its result; of the unedited run something is at fault.
    Status check_finite(const std::vector<float>& values) const {
      const auto wrong = std::ranges::find_if(values, [](float x) { return !std::isfinite(x); });
      if (wrong == values.end() || context_.edited) return {};
      const auto at = static_cast<std::size_t>(wrong - values.begin());
      return fail(ErrorKind::data,
                  "attention of layer {} is not finite at sequence {}, head {}, key {}: expected "
                  "finite values; tepui scan says which activation before it is not",
                  context_.point.layer, context_.first_sequence + static_cast<int>(s_),
                  at / length_, at % length_);
    }
    static float mean(float sum, std::size_t count) {
      return static_cast<float>(static_cast<double>(sum) / static_cast<double>(count));
    }
    static std::vector<float> means(const std::vector<double>& sums, std::size_t count) {
      std::vector<float> out;
      for (const double sum : sums)
        out.push_back(static_cast<float>(sum / static_cast<double>(count)));
      return out;
    }

    Status add(std::string_view metric, const std::vector<float>& values) {
      Series row;
      row.sequence = context_.first_sequence + static_cast<int>(s_);
      row.point = context_.point;
      row.metric = metric;
      row.values = values;
      return sink_.add(row);
    }

    std::span<const HostView> outputs_;
    const TapContext& context_;
    std::size_t s_;
    std::size_t first_row_;
    std::size_t length_;
    std::size_t heads_;
    RowSink& sink_;
  };

  int early_;
  const TokenMarks& marks_;
};

}  // namespace

std::unique_ptr<Metric> make_attention(const AttentionMetricOptions& options,
                                       const TokenMarks& marks) {
  return std::make_unique<AttentionMetric>(options, marks);
}

}  // namespace tepui
