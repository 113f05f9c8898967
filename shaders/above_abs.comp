#version 460
// SPDX-License-Identifier: MIT
// Passes 0 and 1: count, write (lib/collect.glsl).
#include "lib/common.glsl"
#include "lib/multiply.glsl"

layout(constant_id = 2) const uint kPass = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Ints offsets;
  SLOT(2) Uints level;
  SLOT(3) Uints count;
  SLOT(4) Uints value;
  SLOT(5) Uints index;
  PARAMS AboveParams p;
  SCRATCH Scratch scratch;
};

uint bits_at(uint i) { return x.v[i]; }

#include "lib/above.glsl"
#include "lib/arrive.glsl"
#include "lib/blocks.glsl"
#include "lib/collect.glsl"

uint collect_counter(uint s) { return s; }
uint collect_begin() { return p.sequences; }

void above_give(uint s, uint place, uint value_, uint index_) {
  value.v[s * p.capacity + place] = value_;
  index.v[s * p.capacity + place] = index_;
}

uvec2 limits_of(uint s) {
  return uvec2(NO_INDEX, above_limit(level.v[s * p.levels + p.level_column]));
}
void counted(uint s, uvec3 total) {
  if (lane() == 0) count.v[s] = total.z;
  above_clear(s, total.z);
}
void write(Block block, uint i, uint kind, uint ordinal) {
  if (ordinal < p.capacity) above_give(block.sequence, ordinal, x.v[i], i - block.origin);
}

void main() {
  if (kPass == 0) {
    collect_count();
    return;
  }
  const Block block = block_of(group());
  if (!block.idle) collect_write(block);
}
