#version 460
// SPDX-License-Identifier: MIT
// Passes 0 to 2 find the k-th largest magnitude (lib/radix.glsl), 3 counts what is larger and what
// equals it (lib/collect.glsl), 4 gathers it and puts it in order (lib/top.glsl).
#include "lib/common.glsl"
#include "lib/largest.glsl"

layout(constant_id = 2) const uint kPass = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Ints offsets;
  SLOT(2) Uints value;
  SLOT(3) Uints index;
  PARAMS SelectParams p;
  SCRATCH Scratch scratch;
};

uint bits_at(uint i) { return x.v[i]; }

#include "lib/arrive.glsl"
#include "lib/blocks.glsl"
#include "lib/collect.glsl"
#include "lib/radix.glsl"
#include "lib/radix_blocks.glsl"
#include "lib/top.glsl"

// Two counters a sequence come first.
uint collect_counter(uint s) { return s; }
uint write_counter(uint s) { return p.sequences + s; }
uint radix_begin() { return 2 * p.sequences; }
uint top_begin() { return radix_end(); }
uint collect_begin() { return top_end(); }

uint ranks_per_sequence() { return 1; }
uint rank_asked(uint s, uint q) { return count_of(s) - wanted(s); }
void found(uint s, uint q, bool there, uint key) {}

uint top_key(uint s) { return scratch.v[state_at(s, 0)]; }
void top_give(uint s, uint place, uint value_, uint index_) {
  value.v[s * p.k + place] = value_;
  index.v[s * p.k + place] = index_;
}

uvec2 limits_of(uint s) { return uvec2(top_limit(s), NO_INDEX); }
void counted(uint s, uvec3 total) {
  if (lane() == 0) scratch.v[larger_at(s)] = total.x;
}
void write(Block block, uint i, uint kind, uint ordinal) { top_candidate(block, i, kind, ordinal); }

void gather() {
  const Block block = block_of(group());
  if (block.idle) return;
  collect_write(block);
  if (arrives_last(write_counter(block.sequence), slots_of(block.sequence)))
    top_order(block.sequence);
}

void main() {
  if (kPass == 3) collect_count();
  else if (kPass == 4) gather();
  else radix_level(kPass);
}
