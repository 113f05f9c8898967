// SPDX-License-Identifier: MIT
// Edits of attn_scores and attn_probs: no steps of their own, but an operand of the attention step.
#pragma once

#include "exec/edit_steps.h"

namespace tepui {

// The operand of the edits inside attention (ops/attention_params.h): TOKENS are keys, CHANNELS
// heads.
class AttentionEditWords {
 public:
  // `edits` are those of a part inside attention, in order.
  AttentionEditWords(std::span<const Edit* const> edits, int heads, std::size_t keys);
  // That edit `index` selects the key in a row.
  void select(std::size_t index, std::size_t key) { words_[table_ + key] |= 1U << index; }
  const std::vector<std::uint32_t>& words() const { return words_; }

 private:
  std::size_t table_;  // words before those of the keys
  std::vector<std::uint32_t> words_;
};

// The edits inside attention, with what they select of a chunk of whole sequences.
AttentionEditWords attention_edit_words(std::span<const LaneEdit> edits, int heads,
                                        const ChunkShape& chunk, std::span<const TokenId> ids);

// Gives the attention step an operand for `count` edits inside it, of which the first is number
// `first` of its lane. An error where there are more than attention takes.
Status edit_attention(Edited& out, std::size_t first, std::size_t count, int heads);

}  // namespace tepui
