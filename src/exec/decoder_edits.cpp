// SPDX-License-Identifier: MIT
// What edits select of the new tokens, and of the keys that these look at.
#include <algorithm>

#include "base/assert.h"
#include "exec/attention_edits.h"
#include "exec/decoder_step.h"

namespace tepui {

namespace {

// Whether an edit is at a point of the part; a layer's part stands for all its sites.
bool is_in_part(Point edit, Point part) {
  return edit.layer == part.layer && (part.layer != kNoLayer || edit.site == part.site);
}

}  // namespace

std::vector<std::uint32_t> Decoder::marks_of(const Step& step, const Edit& edit, int branch) {
  std::vector<std::uint32_t> marks;
  if (!is_inside_attention(edit.point.site)) {
    marks.resize(step.ids.size(), 0);
    for (std::size_t r = 0; r < marks.size(); ++r) {
      if (step.branch[r] == branch)
        marks[r] = row_mark(edit, step.positions[r], step.ids[r], step.sequence[r]);
    }
    return marks;
  }
  marks.resize(static_cast<std::size_t>(step.cache.rows), 0);
  for (std::size_t s = 0; s < step.kept.size(); ++s) {
    if (step.branch_of[s] != branch) continue;
    const Kept& kept = step.kept[s];
    for (std::size_t i = 0; i < kept.ids.size(); ++i)
      marks[static_cast<std::size_t>(kept.begin) + i] =
          row_mark(edit, static_cast<int>(i), kept.ids[i], s);
  }
  return marks;
}

std::vector<Decoder::ActiveEdit> Decoder::active_edits(const Step& step, Point part) const {
  std::vector<ActiveEdit> active;
  for (std::size_t branch = 0; branch < branches_.size(); ++branch) {
    for (const Edit& edit : branches_[branch].edits) {
      const bool of_beginning =
          edit.tokens.kind == TokenSelector::Kind::largest || edit.rule.kind == RuleKind::patch;
      if (of_beginning || !is_in_part(edit.point, part)) continue;
      std::vector<std::uint32_t> marks = marks_of(step, edit, static_cast<int>(branch) + 1);
      if (std::ranges::any_of(marks, [](std::uint32_t mark) { return mark != 0; }))
        active.push_back({&edit, std::move(marks)});
    }
  }
  return active;
}

std::vector<std::uint32_t> Decoder::attention_words(const Step& step) const {
  std::vector<const ActiveEdit*> inside;
  std::vector<const Edit*> edits;
  for (const ActiveEdit& active : step.edits) {
    if (!is_inside_attention(active.edit->point.site)) continue;
    inside.push_back(&active);
    edits.push_back(active.edit);
  }
  AttentionEditWords words(edits, model_.spec.dims.heads,
                           static_cast<std::size_t>(step.cache.rows));
  for (std::size_t i = 0; i < inside.size(); ++i) {
    for (std::size_t key = 0; key < inside[i]->marks.size(); ++key)
      if (inside[i]->marks[key] != 0) words.select(i, key);
  }
  return words.words();
}

Status Decoder::bind_marks(Step& step, const Part& part, Bindings& bindings) {
  for (const EditInput& input : part.edit_inputs) {
    if (input.kind == EditInput::Kind::attention) {
      TEPUI_TRY(Buffer words, uploaded(backend_, attention_words(step)));
      step.marks.push_back(std::move(words));
      bindings[input.value.id] = BufferSlice::whole(step.marks.back());
      continue;
    }
    TEPUI_ASSERT(input.kind == EditInput::Kind::marks);
    TEPUI_TRY(Buffer marks, uploaded(backend_, step.edits[input.edit].marks));
    step.marks.push_back(std::move(marks));
    bindings[input.value.id] = BufferSlice::whole(step.marks.back());
  }
  return {};
}

}  // namespace tepui
