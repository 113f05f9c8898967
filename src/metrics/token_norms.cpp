// SPDX-License-Identifier: MIT
// l2 norms of what attention reads, by head where there are heads: of the first token, of the
// marked ones, and the mean over all others. Of whole rows also the share that the largest element
// has of the squared norm: near 1 / width where a row is dense, near 1 where one channel is all.
#include <cmath>

#include "metrics/list.h"
#include "metrics/token_marks.h"

namespace tepui {

namespace {

enum TokenClass : std::size_t { kFirstToken, kMarkedToken, kOtherTokens, kTokenClasses };

class TokenNorms : public Metric {
 public:
  explicit TokenNorms(const TokenMarks& marks) : marks_(marks) {}

  std::string_view name() const override { return "token_norms"; }
  bool accepts(Site site) const override {
    return site == Site::resid_pre || site == Site::attn_in || site == Site::q || site == Site::k ||
           site == Site::v;
  }

  std::vector<Value> emit(EmitContext& context) const override {
    if (context.groups > 1)
      return {context.builder.l2_norm_groups(context.x, static_cast<uint>(context.groups), "norm")};
    return {context.builder.l2_norm(context.x, "norm"),
            context.builder.token_max_abs(context.x, "peak").value};
  }

  Status rows(std::span<const HostView> outputs, const TapContext& context,
              RowSink& sink) const override {
    const ChunkMarks marks(marks_, context.first_sequence, context.lengths);
    const auto groups = static_cast<std::size_t>(context.groups);
    const auto norms = outputs[0].as<float>();
    std::size_t row = 0;
    for (std::size_t s = 0; s < context.lengths.size(); ++s) {
      Means norm(groups);
      Means peak(1);
      for (int position = 0; position < context.lengths[s]; ++position, ++row) {
        const bool marked = marks.kind(s, position) == kMarked;
        norm.add(norms.subspan(row * groups, groups), position, marked);
        if (outputs.size() == 1) continue;
        const double share = double{outputs[1].as<float>()[row]} / double{norms[row]};
        const float square = norms[row] == 0 ? 0.0F : static_cast<float>(share * share);
        peak.add({&square, 1}, position, marked);
      }
      TEPUI_TRY(norm.give("norm", context, s, sink));
      if (outputs.size() > 1) TEPUI_TRY(peak.give("peak", context, s, sink));
    }
    return {};
  }

 private:
  // By class of token, of each group.
  class Means {
   public:
    explicit Means(std::size_t groups) {
      for (auto& sums : sums_) sums.assign(groups, 0.0);
    }

    void add(std::span<const float> values, int position, bool marked) {
      if (position == 0) add_to(kFirstToken, values);
      if (marked) add_to(kMarkedToken, values);
      if (position != 0 && !marked) add_to(kOtherTokens, values);
    }

    Status give(std::string_view what, const TapContext& context, std::size_t s, RowSink& sink) {
      constexpr std::string_view kNames[kTokenClasses] = {"first", "marked", "others"};
      for (std::size_t which = 0; which < kTokenClasses; ++which) {
        if (counts_[which] == 0) continue;
        std::vector<float> means;
        for (const double sum : sums_[which])
          means.push_back(static_cast<float>(sum / static_cast<double>(counts_[which])));
        const std::string metric = fmt::format("{}_{}", what, kNames[which]);
        Series row;
        row.sequence = context.first_sequence + static_cast<int>(s);
        row.point = context.point;
        row.metric = metric;
        row.values = means;
        TEPUI_TRY(sink.add(row));
      }
      return {};
    }

   private:
    void add_to(TokenClass which, std::span<const float> values) {
      ++counts_[which];
      for (std::size_t g = 0; g < values.size(); ++g)
        sums_[which][g] += static_cast<double>(values[g]);
    }

    std::vector<double> sums_[kTokenClasses];
    int counts_[kTokenClasses] = {};
  };

  const TokenMarks& marks_;
};

}  // namespace

std::unique_ptr<Metric> make_token_norms(const TokenMarks& marks) {
  return std::make_unique<TokenNorms>(marks);
}

}  // namespace tepui
