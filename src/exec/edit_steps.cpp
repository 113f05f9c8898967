// SPDX-License-Identifier: MIT
#include "exec/edit_steps.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/assert.h"
#include "exec/attention_edits.h"
#include "models/site_width.h"
#include "ops/builder.h"

namespace tepui {

namespace {

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// Makes the steps of one edit at the end of the Program, then puts them where they belong.
class EditSteps {
 public:
  EditSteps(Edited& out, const ModelSpec& spec, const ChunkShape& chunk, const MassiveRule& rule,
            const LaneEdit& edit, std::size_t index)
      : out_(out),
        chunk_(chunk),
        rule_(rule),
        edit_(*edit.edit),
        index_(index),
        width_(*site_width(spec, edit.edit->point.site)),
        x_(value_of(edit.edit->point.site)),
        plain_steps_(out.lowered.program.steps.size()),
        builder_(std::move(out.lowered.program)) {
    if (edit.selection != LaneEdit::kOwn) selection_ = input(EditInput::Kind::selection);
    patch_ = edit.patch == LaneEdit::kOwn ? x_ : kNone;
  }

  Status run() && {
    Builder::EditOperands operands;
    operands.x = x_;
    operands.rows = rows();
    operands.where = where();
    if (edit_.channels.kind == ChannelSelector::Kind::massive) operands.reference = selection_;
    const Value result = apply_rule(operands);
    TEPUI_TRY(Program program, builder_.finish());
    move_steps(program, result);
    rename(program, result);
    out_.lowered.program = std::move(program);
    return {};
  }

 private:
  Value value_of(Site site) const {
    const auto& sites = out_.lowered.sites;
    const auto found = std::ranges::find(sites, site, &std::pair<Site, Value>::first);
    TEPUI_ASSERT(found != sites.end());
    return found->second;
  }

  std::string name(std::string_view what) const {
    return fmt::format("{}.{}", site_name(edit_.point.site), what);
  }

  Value input(EditInput::Kind kind) {
    const std::int64_t rows = chunk_.rows();
    const Value value = kind == EditInput::Kind::marks
                            ? builder_.input({DType::u32, Shape{rows}}, name("marks"))
                            : builder_.input({DType::f32, Shape{rows, width_}}, name("other"));
    out_.inputs.push_back({kind, value, index_});
    return value;
  }

  template <class T>
  Value constant(DType dtype, const Shape& shape, const std::vector<T>& values,
                 std::string_view what) {
    const Value value = builder_.input({dtype, shape}, name(what));
    out_.constants.push_back({value, bytes_of(values)});
    return value;
  }

  // Per sequence the element at floor(fraction * (n - 1)) of the n sorted |x|.
  Value quantile(Value x, double fraction) {
    std::vector<std::uint32_t> ranks;
    for (const int length : chunk_.lengths) {
      const double last = static_cast<double>(length) * width_ - 1.0;
      ranks.push_back(static_cast<std::uint32_t>(fraction * last));
    }
    const Value wanted = constant(DType::u32, Shape{chunk_.sequences(), 1}, ranks, "ranks");
    return builder_.quantile_abs(x, out_.lowered.offsets, wanted, name("quantile"));
  }

  // By row: above this an element is massive, in the run that the edit selects by.
  Value massive_level() {
    const Value median = quantile(selection_.present() ? selection_ : x_, 0.5);
    return builder_.row_level(median, out_.lowered.offsets, x_, 0,
                              static_cast<float>(rule_.min_ratio),
                              static_cast<float>(rule_.min_abs), name("massive"));
  }

  Value rows() {
    marks_ = input(EditInput::Kind::marks);
    switch (edit_.tokens.kind) {
      case TokenSelector::Kind::listed: return marks_;
      case TokenSelector::Kind::largest: {
        const auto largest = builder_.max_abs(x_, out_.lowered.offsets, name("largest"));
        return builder_.mark_largest(marks_, largest.index, out_.lowered.offsets,
                                     static_cast<uint>(width_), name("tokens"));
      }
      case TokenSelector::Kind::above: {
        const std::vector<float> level(static_cast<std::size_t>(chunk_.rows()),
                                       edit_.tokens.threshold);
        const Value limit = constant(DType::f32, Shape{chunk_.rows()}, level, "above");
        return marked_above(x_, limit);
      }
      case TokenSelector::Kind::massive: break;
    }
    return marked_above(selection_.present() ? selection_ : x_, massive_level());
  }

  Value marked_above(Value x, Value level) {
    const Value largest = builder_.token_max_abs(x, name("token_max")).value;
    return builder_.mark_rows(marks_, largest, level, name("tokens"));
  }

  Value where() {
    switch (edit_.channels.kind) {
      case ChannelSelector::Kind::all: return kNone;
      case ChannelSelector::Kind::massive: return massive_level();
      case ChannelSelector::Kind::listed: break;
    }
    std::vector<std::uint32_t> mask;
    for (int channel = 0; channel < width_; ++channel)
      mask.push_back(edit_.channels.selects(channel) ? 1 : 0);
    return constant(DType::u32, Shape{width_}, mask, "channels");
  }

  Value limit_of_quantile(double fraction, double times) {
    return builder_.row_level(quantile(x_, fraction), out_.lowered.offsets, x_, 0,
                              static_cast<float>(times), 0, name("limit"));
  }

  // The largest |x| among what is selected, by what shares a scale.
  Value scale_of(Builder::EditOperands operands) {
    const Value only = builder_.edit(operands, TEPUI_EDIT_ONLY, 0, name("selected"));
    switch (edit_.rule.grain) {
      case Grain::token: return builder_.token_max_abs(only, name("scale")).value;
      case Grain::channel:
        return builder_.channel_max_abs(only, out_.lowered.offsets, name("scale")).value;
      case Grain::tensor: break;
    }
    const Value largest = builder_.max_abs(only, out_.lowered.offsets, name("scale")).value;
    return builder_.row_level(largest, out_.lowered.offsets, x_, 0, 1, 0, name("scale"));
  }

  Value apply_rule(Builder::EditOperands operands) {
    const Rule& rule = edit_.rule;
    uint code = TEPUI_EDIT_SET;
    switch (rule.kind) {
      case RuleKind::constant: break;
      case RuleKind::mean:
        code = TEPUI_EDIT_TABLE;
        TEPUI_ASSERT(edit_.means != nullptr);
        operands.operand = constant(DType::f32, Shape{2, width_}, edit_.means->values, "means");
        break;
      case RuleKind::clip: code = TEPUI_EDIT_CLIP; break;
      case RuleKind::clip_quantile:
        code = TEPUI_EDIT_CLIP;
        operands.operand = limit_of_quantile(rule.value, 1);
        break;
      case RuleKind::clip_median:
        code = TEPUI_EDIT_CLIP;
        operands.operand = limit_of_quantile(0.5, rule.value);
        break;
      case RuleKind::scale: code = TEPUI_EDIT_SCALE; break;
      case RuleKind::patch:
        code = TEPUI_EDIT_PATCH;
        operands.operand = patch_.present() ? patch_ : input(EditInput::Kind::patch);
        break;
      case RuleKind::round_f16: code = TEPUI_EDIT_F16; break;
      case RuleKind::round_bf16: code = TEPUI_EDIT_BF16; break;
      case RuleKind::round_fp8:
      case RuleKind::round_int8:
        code = rule.kind == RuleKind::round_fp8 ? TEPUI_EDIT_FP8 : TEPUI_EDIT_INT8;
        operands.operand = scale_of(operands);
        break;
    }
    return builder_.edit(operands, code, static_cast<float>(rule.value), name("edited"));
  }

  // Behind the producer of the value (in front, if the caller binds it); what follows reads the
  // edited one.
  void move_steps(Program& program, Value result) const {
    std::vector<Step> own(program.steps.begin() + static_cast<std::ptrdiff_t>(plain_steps_),
                          program.steps.end());
    program.steps.resize(plain_steps_);
    std::size_t behind = 0;
    for (std::size_t i = 0; i < plain_steps_; ++i) {
      if (std::ranges::find(program.steps[i].out, x_) != program.steps[i].out.end()) behind = i + 1;
    }
    for (std::size_t i = behind; i < plain_steps_; ++i)
      std::ranges::replace(program.steps[i].in, x_, result);
    program.steps.insert(program.steps.begin() + static_cast<std::ptrdiff_t>(behind),
                         std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  }

  // The site, and whatever else is the same value, is from now on the edited one.
  void rename(Program& program, Value result) {
    for (auto& [site, value] : out_.lowered.sites) {
      if (value == x_) value = result;
    }
    if (out_.lowered.result != x_) return;
    out_.lowered.result = result;
    program.values[x_.id].role = Role::temp;
    program.values[result.id].role = Role::output;
  }

  Edited& out_;
  const ChunkShape& chunk_;
  const MassiveRule& rule_;
  const Edit& edit_;
  std::size_t index_;
  int width_;
  Value x_;
  std::size_t plain_steps_;
  Builder builder_;
  Value marks_;
  Value selection_;
  Value patch_;
};

}  // namespace

Result<Edited> attach_edits(Lowered lowered, const ModelSpec& spec, const ChunkShape& chunk,
                            std::span<const LaneEdit> edits, const MassiveRule& rule) {
  Edited out;
  out.lowered = std::move(lowered);
  std::size_t inside = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (!is_inside_attention(edits[i].edit->point.site)) {
      TEPUI_TRY(EditSteps(out, spec, chunk, rule, edits[i], i).run());
    } else if (inside++ == 0) {
      first = i;
    }
  }
  if (inside > 0) TEPUI_TRY(edit_attention(out, first, inside, spec.dims.heads));
  return out;
}

std::uint32_t row_mark(const Edit& edit, int position, TokenId id, std::size_t sequence) {
  const bool listed = edit.tokens.kind == TokenSelector::Kind::listed;
  if (listed && !edit.tokens.selects(position, id)) return 0;
  if (edit.rule.kind == RuleKind::mean) return position == 0 ? 1 : 2;
  if (edit.rule.grain == Grain::channel) return 1 + static_cast<std::uint32_t>(sequence);
  return 1;
}

std::vector<std::uint32_t> row_marks(const Edit& edit, const ChunkShape& chunk,
                                     std::span<const TokenId> ids) {
  std::vector<std::uint32_t> marks;
  for (std::size_t s = 0; s < chunk.lengths.size(); ++s) {
    for (int position = 0; position < chunk.lengths[s]; ++position)
      marks.push_back(row_mark(edit, position, ids[marks.size()], s));
  }
  return marks;
}

}  // namespace tepui
