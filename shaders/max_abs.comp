#version 460
// SPDX-License-Identifier: MIT
// The largest of each block, a workgroup a block; the last workgroup of a sequence takes the
// largest of its blocks.
#include "lib/common.glsl"
#include "lib/largest.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Ints offsets;
  SLOT(2) Uints value;
  SLOT(3) Uints index;
  PARAMS SelectParams p;
  SCRATCH Scratch scratch;
};

#include "lib/arrive.glsl"
#include "lib/blocks.glsl"

// Behind a counter for each sequence: (magnitude, index) of each slot.
uint found_at(uint slot) { return p.sequences + 2 * slot; }

// What a lane looks at, a stride of LANES apart, several loads under way at once: those behind the
// last are the last again, which beats nothing twice.
#define AT_ONCE 8

void search_sequence(uint s) {
  uvec2 best = uvec2(0, NO_INDEX);
  for (uint i = lane(); i < slots_of(s); i += AT_ONCE * LANES) {
    uvec2 own[AT_ONCE];
    [[unroll]] for (uint j = 0; j < AT_ONCE; ++j) {
      const uint at = found_at(first_slot(s) + min(i + j * LANES, slots_of(s) - 1));
      own[j] = uvec2(scratch.v[at], scratch.v[at + 1]);
    }
    [[unroll]] for (uint j = 0; j < AT_ONCE; ++j) {
      if (beats(own[j], best)) best = own[j];
    }
  }
  best = reduce_largest(best);
  if (lane() != 0) return;
  value.v[s] = best.y == NO_INDEX ? 0 : x.v[begin_of(s) + best.y];
  index.v[s] = best.y;
}

void main() {
  const Block block = block_of(group());
  if (block.idle) return;
  uvec2 best = uvec2(0, NO_INDEX);
  for (uint i = block.begin + lane(); i < block.end; i += AT_ONCE * LANES) {
    uvec2 own[AT_ONCE];
    [[unroll]] for (uint j = 0; j < AT_ONCE; ++j) {
      const uint at = min(i + j * LANES, block.end - 1);
      own[j] = uvec2(magnitude(x.v[at]), at - block.origin);
    }
    [[unroll]] for (uint j = 0; j < AT_ONCE; ++j) {
      if (beats(own[j], best)) best = own[j];
    }
  }
  best = reduce_largest(best);
  if (lane() == 0) {
    scratch.v[found_at(group())] = best.x;
    scratch.v[found_at(group()) + 1] = best.y;
  }
  if (arrives_last(block.sequence, slots_of(block.sequence))) search_sequence(block.sequence);
}
