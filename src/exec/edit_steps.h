// SPDX-License-Identifier: MIT
// Edits are changes to a Program before it runs: behind the step that produces a site's value come
// steps that select and an edit step, and every later step reads what that one gives. Taps are put
// on afterwards, so that they read edited values. A lane without edits keeps its Program.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/lower.h"
#include "plan/massive_rule.h"
#include "plan/schedule.h"
#include "tepui/metric.h"

namespace tepui {

// What the caller binds at each run of an edited part.
struct EditInput {
  enum class Kind : std::uint8_t {
    marks,      // u32 [R], row_marks() of the chunk
    selection,  // f32 [R, width], the site's value in the lane LaneEdit::selection
    patch,      // likewise, in the lane LaneEdit::patch
    attention,  // u32, AttentionEditWords of all edits inside attention and the part's keys
  };
  Kind kind = Kind::marks;
  Value value;
  std::size_t edit = 0;  // of the lane; the first one of several
};

struct Edited {
  Lowered lowered;
  std::vector<EditInput> inputs;
  std::vector<Constant> constants;
};

Result<Edited> attach_edits(Lowered lowered, const ModelSpec& spec, const ChunkShape& chunk,
                            std::span<const LaneEdit> edits, const MassiveRule& rule);

// What marks one row: 0, or the number of its row in the edit's table, from 1. `sequence` counts in
// the chunk.
std::uint32_t row_mark(const Edit& edit, int position, TokenId id, std::size_t sequence);

// Which rows the edit may select, and which row of its table is each one's own (ops/op_list.h).
// `ids` are the chunk's tokens.
std::vector<std::uint32_t> row_marks(const Edit& edit, const ChunkShape& chunk,
                                     std::span<const TokenId> ids);

}  // namespace tepui
