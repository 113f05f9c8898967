// SPDX-License-Identifier: MIT
// The elements of each sequence in blocks of kBlock, a workgroup each. The offsets are data, so the
// grid is made for any: sequence s has its slots from floor(its first element / kBlock) + s on,
// where the next sequence's slots never reach back to; there are rows * dim / kBlock + sequences
// slots in all, some without elements. Needs `x`, `offsets` and parameters that begin with rows, dim
// and sequences.
layout(constant_id = 1) const uint kBlock = 4096;

uint begin_of(uint s) { return uint(offsets.v[s]) * p.dim; }
uint count_of(uint s) { return begin_of(s + 1) - begin_of(s); }
uint first_slot(uint s) { return begin_of(s) / kBlock + s; }
uint slots_of(uint s) { return (count_of(s) + kBlock - 1) / kBlock; }
uint all_slots() { return p.rows * p.dim / kBlock + p.sequences; }

struct Block {
  uint sequence;
  uint origin;  // the sequence's first element
  uint begin;   // of the block
  uint end;
};

Block block_of(uint slot) {
  uint low = 0;
  uint high = p.sequences;
  while (low + 1 < high) {
    const uint middle = (low + high) / 2;
    if (first_slot(middle) <= slot) low = middle;
    else high = middle;
  }
  Block block;
  block.sequence = low;
  block.origin = begin_of(low);
  const uint end = begin_of(low + 1);
  block.begin = min(block.origin + (slot - first_slot(low)) * kBlock, end);
  block.end = min(block.begin + kBlock, end);
  return block;
}
