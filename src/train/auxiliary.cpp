// SPDX-License-Identifier: MIT
#include "train/auxiliary.h"

#include <algorithm>
#include <span>

namespace tepui {
namespace {

class AuxiliaryBuilder {
 public:
  AuxiliaryBuilder(Builder& builder, const Dims& dims, const AuxiliaryShape& shape, Value offsets)
      : builder_(builder), dims_(dims), shape_(shape), offsets_(offsets) {
    rows_ = std::int64_t{shape.sequences} * shape.length;
    for (const Step& step : builder.program().steps)
      if (step.op == OpCode::attention) attention_.push_back(step);
  }

  void add(const AuxiliaryTerm& term, std::size_t number, Value x, int layer) {
    const std::string name = fmt::format("auxiliary {} of layer {}", number, layer);
    const double by_sequence = term.weight / shape_.sequences / shape_.accumulation;
    switch (term.kind) {
      case AuxiliaryKind::spike: {
        // One loss a channel, in shares of its own level.
        for (std::size_t i = 0; i < term.channels.size(); ++i) {
          const Value at_least = level(x, term.ratios[i], name);
          const Value target = asked(x, rows_at(true, false), mask({term.channels[i]}, true),
                                     at_least, TEPUI_EDIT_RAISE, name);
          loss(x, target, by_square(at_least, by_sequence, number, name), name);
        }
        return;
      }
      case AuxiliaryKind::others: {
        const Value where = term.channels.empty() ? kNone : mask(term.channels, false);
        const Value at_most = level(x, term.ratios[0], name);
        return loss(x, asked(x, rows_at(true, true), where, at_most, TEPUI_EDIT_CLIP, name),
                    by_square(at_most, by_sequence, number, name), name);
      }
      case AuxiliaryKind::sink: {
        const Value z = to_first(layer, name);
        const Value target = builder_.edit({.x = z, .rows = rows_at(false, true)}, TEPUI_EDIT_RAISE,
                                           static_cast<float>(term.share), name);
        const double across = double{1} * dims_.heads * dims_.head_dim * shape_.length;
        return loss(z, target, weights(by_sequence / across, number, "weights of rows"), name);
      }
    }
  }

  AuxiliaryLosses take() { return std::move(out_); }

 private:
  template <class T>
  Value constant(DType dtype, Shape shape, const std::vector<T>& values, const std::string& name,
                 std::size_t term = AuxiliaryLosses::Input::kAlways) {
    const auto bytes = std::as_bytes(std::span(values));
    const Value value = builder_.input({dtype, shape}, name);
    out_.inputs.push_back({value, {bytes.begin(), bytes.end()}, term});
    return value;
  }

  // 1 for the first token's row, for the others', or both.
  Value rows_at(bool first, bool others) {
    Value& known = rows_of_[first ? 1 : 0][others ? 1 : 0];
    if (known.present()) return known;
    std::vector<std::uint32_t> marks(static_cast<std::size_t>(rows_));
    for (std::size_t r = 0; r < marks.size(); ++r) {
      const bool is_first = r % static_cast<std::size_t>(shape_.length) == 0;
      marks[r] = (is_first ? first : others) ? 1 : 0;
    }
    return known = constant(DType::u32, Shape{rows_}, marks, "marked rows");
  }

  Value mask(const std::vector<int>& channels, bool chosen) {
    std::vector<std::uint32_t> marks(static_cast<std::size_t>(dims_.width), chosen ? 0U : 1U);
    for (const int channel : channels) marks[static_cast<std::size_t>(channel)] = chosen ? 1 : 0;
    return constant(DType::u32, Shape{dims_.width}, marks, "marked channels");
  }

  // f32 [R]: a multiple of the median of |x| over the row's sequence.
  Value level(Value x, double ratio, const std::string& name) {
    if (!ranks_.present()) {
      const auto last = static_cast<std::uint32_t>(shape_.length * dims_.width - 1);
      const std::vector<std::uint32_t> ranks(static_cast<std::size_t>(shape_.sequences), last / 2);
      ranks_ = constant(DType::u32, Shape{shape_.sequences, 1}, ranks, "ranks");
    }
    const Value median = builder_.quantile_abs(x, offsets_, ranks_, name + " median");
    return builder_.row_level(median, offsets_, rows_at(true, true), 0, static_cast<float>(ratio),
                              0, name + " level");
  }

  Value asked(Value x, Value rows, Value where, Value level, uint rule, const std::string& name) {
    return builder_.edit({.x = x, .rows = rows, .where = where, .operand = level}, rule, 0, name);
  }

  // f32 [R, H d]: in each of a head's channels what it gives the first token.
  Value to_first(int layer, const std::string& name) {
    Step step = attention_[static_cast<std::size_t>(layer)];
    auto p = step.params.as<AttentionParams>();
    p.form &= ~TEPUI_ATTEND_EXTRA_VALUE;
    p.drop = 0;
    if (!indicator_.present()) {
      const auto width = static_cast<std::size_t>(dims_.kv_heads * dims_.head_dim);
      std::vector<float> values(static_cast<std::size_t>(rows_) * width, 0.0F);
      for (int s = 0; s < shape_.sequences; ++s)
        std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(
                                         static_cast<std::size_t>(s * shape_.length) * width),
                    width, 1.0F);
      indicator_ = constant(DType::f32, Shape{rows_, dims_.kv_heads * dims_.head_dim}, values,
                            "the first token");
    }
    step.in[2] = indicator_;
    step.in[7] = step.in[8] = kNone;
    return builder_.emit(OpCode::attention, step.in, ParamBytes(p), {name}).front();
  }

  Value weights(double weight, std::size_t term, const std::string& name) {
    const std::vector<float> values(static_cast<std::size_t>(rows_), static_cast<float>(weight));
    return constant(DType::f32, Shape{rows_}, values, name, term);
  }

  // weight / level^2: what adamw makes of a first moment -weight and a second one level^4.
  Value by_square(Value level, double weight, std::size_t term, const std::string& name) {
    if (!nothing_.present()) {
      const std::vector<float> zeros(static_cast<std::size_t>(rows_), 0.0F);
      nothing_ = constant(DType::f32, Shape{rows_}, zeros, "nothing");
      unclipped_ = constant(DType::f32, Shape{2}, std::vector<float>{1, 1}, "no clip");
      unscheduled_ = constant(DType::f32, Shape{3}, std::vector<float>{0, 1, 1}, "no schedule");
    }
    const auto square = [&](Value x) {
      return builder_.moments(x, nothing_, nothing_, unclipped_, 0, 0, name + " squared").v;
    };
    const Builder::Moments moments{weights(-weight, term, "weights of rows"),
                                   square(square(level))};
    return builder_.adamw(nothing_, moments, unscheduled_, 1e-30, 0, name + " weights");
  }

  void loss(Value x, Value target, Value rows, const std::string& name) {
    out_.held.push_back(target);
    out_.held.push_back(rows);
    out_.losses.push_back(builder_.squared_error(x, target, rows, name));
    builder_.mark_output(out_.losses.back());
  }

  Builder& builder_;
  const Dims& dims_;
  AuxiliaryShape shape_;
  Value offsets_;
  std::int64_t rows_ = 0;
  std::vector<Step> attention_;  // by layer
  Value rows_of_[2][2] = {{kNone, kNone}, {kNone, kNone}};
  Value ranks_ = kNone;
  Value indicator_ = kNone;
  Value nothing_ = kNone;
  Value unclipped_ = kNone;
  Value unscheduled_ = kNone;
  AuxiliaryLosses out_;
};

}  // namespace

AuxiliaryLosses add_auxiliary(Builder& builder, const std::vector<AuxiliaryTerm>& terms,
                              const Dims& dims, const AuxiliaryShape& shape, Value offsets,
                              const std::vector<std::pair<Point, Value>>& sites) {
  AuxiliaryBuilder at(builder, dims, shape, offsets);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    for (const auto& [point, value] : sites) {
      if (point.site != Site::resid_post || point.layer < terms[i].first ||
          point.layer > terms[i].last)
        continue;
      at.add(terms[i], i, value, point.layer);
    }
  }
  return at.take();
}

}  // namespace tepui
