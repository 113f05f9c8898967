// SPDX-License-Identifier: MIT
// The rows of each sequence in blocks of kBlockRows, a workgroup each; no block holds rows of two
// sequences. The offsets are data, so the grid is made for any: sequence s has its slots from
// floor(its first row / kBlockRows) + s on, at least one even where it is empty, and the next
// sequence's slots never reach back to them; there are rows / kBlockRows + sequences slots in all,
// some of them idle. Needs `offsets` and parameters that hold rows, dim and sequences.
#include "lib/spans.glsl"

layout(constant_id = 1) const uint kBlockRows = 1;

uint first_slot(uint s) { return first_row(s) / kBlockRows + s; }
uint slots_of(uint s) { return max(1, (rows_of(s) + kBlockRows - 1) / kBlockRows); }
uint all_slots() { return p.rows / kBlockRows + p.sequences; }

struct Block {
  bool idle;  // no sequence's slot
  uint sequence;
  uint origin;  // the sequence's first element
  uint begin;   // the block's elements; none where its sequence is empty
  uint end;
};

Block block_of(uint slot) {
  Block block;
  block.idle = slot >= all_slots();
  if (block.idle) return block;
  uint low = 0;
  uint high = p.sequences;
  while (low + 1 < high) {
    const uint middle = (low + high) / 2;
    if (first_slot(middle) <= slot) low = middle;
    else high = middle;
  }
  const uint ordinal = slot - first_slot(low);
  block.idle = ordinal >= slots_of(low);
  block.sequence = low;
  block.origin = begin_of(low);
  const uint end = begin_of(low + 1);
  block.begin = min(block.origin + ordinal * kBlockRows * p.dim, end);
  block.end = min(block.begin + kBlockRows * p.dim, end);
  return block;
}
