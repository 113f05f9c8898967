// SPDX-License-Identifier: MIT
#include "exec/attention_edits.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "ops/op_list.h"

namespace tepui {

AttentionEditWords::AttentionEditWords(std::span<const Edit* const> edits, int heads,
                                       std::size_t keys)
    : table_(edits.size() * (2 + static_cast<std::size_t>(heads))), words_(table_ + keys, 0) {
  auto word = words_.begin();
  for (const Edit* const edit : edits) {
    uint rule = TEPUI_EDIT_SET;
    if (edit->rule.kind == RuleKind::clip) rule = TEPUI_EDIT_CLIP;
    if (edit->rule.kind == RuleKind::scale) rule = TEPUI_EDIT_SCALE;
    *word++ = rule | (edit->point.site == Site::attn_probs ? TEPUI_EDIT_PROBABILITY : 0);
    *word++ = std::bit_cast<std::uint32_t>(static_cast<float>(edit->rule.value));
    for (int head = 0; head < heads; ++head) {
      const bool all = edit->channels.kind == ChannelSelector::Kind::all;
      *word++ = all || edit->channels.selects(head) ? 1 : 0;
    }
  }
}

AttentionEditWords attention_edit_words(std::span<const LaneEdit> edits, int heads,
                                        const ChunkShape& chunk, std::span<const TokenId> ids) {
  std::vector<const Edit*> inside;
  for (const LaneEdit& edit : edits)
    if (is_inside_attention(edit.edit->point.site)) inside.push_back(edit.edit);
  AttentionEditWords words(inside, heads, ids.size());
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const std::vector<std::uint32_t> marks = row_marks(*inside[i], chunk, ids);
    for (std::size_t key = 0; key < marks.size(); ++key)
      if (marks[key] != 0) words.select(i, key);
  }
  return words;
}

Status edit_attention(Edited& out, std::size_t first, std::size_t count, int heads) {
  if (count > TEPUI_ATTENTION_EDITS)
    return fail(ErrorKind::usage,
                "expected at most {} edits of attn_scores and attn_probs in a layer, found {}",
                TEPUI_ATTENTION_EDITS, count);
  Program& program = out.lowered.program;
  const auto step = std::ranges::find(program.steps, OpCode::attention, &Step::op);
  TEPUI_ASSERT(step != program.steps.end());
  auto params = step->params.as<AttentionParams>();
  const auto words = static_cast<std::int64_t>(count) * (2 + heads) +
                     static_cast<std::int64_t>(rows_of_keys(params));
  const Value edits{static_cast<std::uint32_t>(program.values.size())};
  program.values.push_back({{DType::u32, Shape{words}}, Role::input, "attention edits"});
  params.edits = static_cast<uint>(count);
  step->params = ParamBytes(params);
  step->in[5] = edits;
  out.inputs.push_back({EditInput::Kind::attention, edits, first});
  return {};
}

}  // namespace tepui
