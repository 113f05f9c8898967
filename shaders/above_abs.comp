#version 460
// SPDX-License-Identifier: MIT
// Passes 0 to 2: count, sum, write (lib/collect.glsl).
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
  SCRATCH Uints scratch;
};

#include "lib/blocks.glsl"
#include "lib/collect.glsl"

uint collect_at() { return 0; }
bool wants_equal() { return false; }

// The least magnitude above the threshold. Everything is above a negative one, nothing above NaN.
uint limit_of(uint s) {
  const uint own = level.v[s * p.levels + p.level_column];
  const uint threshold = magnitude(own) == 0 ? floatBitsToUint(p.floor)
                                             : multiply(floatBitsToUint(p.ratio), own);
  if (magnitude(threshold) > 0x7f800000u) return NO_INDEX;
  if (magnitude(threshold) == 0) return 1;
  return (threshold >> 31) != 0 ? 0 : threshold + 1;
}

void counted(uint s, uvec2 total) {
  count.v[s] = total.x;
  for (uint i = total.x; i < p.capacity; ++i) {
    value.v[s * p.capacity + i] = 0;
    index.v[s * p.capacity + i] = NO_INDEX;
  }
}

void write(Block block, uint i, bool equal, uint ordinal) {
  if (ordinal >= p.capacity) return;
  const uint at = block.sequence * p.capacity + ordinal;
  value.v[at] = x.v[i];
  index.v[at] = i - block.origin;
}

void main() {
  switch (kPass) {
    case 0: collect_count(); return;
    case 1: collect_sum(); return;
    default: collect_write();
  }
}
