#version 460
// SPDX-License-Identifier: MIT
// Passes 0 to 5: count and find at the levels 0, 1 and 2 (lib/radix.glsl).
#include "lib/common.glsl"

layout(constant_id = 2) const uint kPass = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Ints offsets;
  SLOT(2) Uints ranks;
  SLOT(3) Uints y;
  PARAMS QuantileParams p;
  SCRATCH Uints scratch;
};

#include "lib/blocks.glsl"
#include "lib/radix.glsl"

uint ranks_per_sequence() { return p.ranks; }
uint rank_asked(uint s, uint q) { return ranks.v[s * p.ranks + q]; }
void found(uint s, uint q, bool there, uint key) { y.v[s * p.ranks + q] = there ? key : 0; }

void main() {
  if (kPass % 2 == 0) radix_count(kPass / 2);
  else radix_find(kPass / 2);
}
