#version 460
// SPDX-License-Identifier: MIT
// Pass 0: the largest of each block, a workgroup a block. Pass 1: of each sequence's blocks, a
// workgroup a sequence.
#include "lib/common.glsl"
#include "lib/largest.glsl"

layout(constant_id = 2) const uint kPass = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Ints offsets;
  SLOT(2) Uints value;
  SLOT(3) Uints index;
  PARAMS SelectParams p;
  SCRATCH Uints found;  // (magnitude, index) of each slot
};

#include "lib/blocks.glsl"

void search_block() {
  if (group() >= all_slots()) return;
  const Block block = block_of(group());
  uvec2 best = uvec2(0, NO_INDEX);
  for (uint i = block.begin + lane(); i < block.end; i += LANES) {
    const uvec2 own = uvec2(magnitude(x.v[i]), i - block.origin);
    if (beats(own, best)) best = own;
  }
  best = reduce_largest(best);
  if (lane() != 0) return;
  found.v[2 * group()] = best.x;
  found.v[2 * group() + 1] = best.y;
}

void search_sequence() {
  const uint s = group();
  if (s >= p.sequences) return;
  uvec2 best = uvec2(0, NO_INDEX);
  const uint first = first_slot(s);
  for (uint i = lane(); i < slots_of(s); i += LANES) {
    const uvec2 own = uvec2(found.v[2 * (first + i)], found.v[2 * (first + i) + 1]);
    if (beats(own, best)) best = own;
  }
  best = reduce_largest(best);
  if (lane() != 0) return;
  value.v[s] = best.y == NO_INDEX ? 0 : x.v[begin_of(s) + best.y];
  index.v[s] = best.y;
}

void main() {
  if (kPass == 0) search_block();
  else search_sequence();
}
