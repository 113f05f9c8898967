#version 460
// SPDX-License-Identifier: MIT
// Pass i is level i of the radix selection (lib/radix.glsl).
#include "lib/common.glsl"

layout(constant_id = 2) const uint kPass = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Ints offsets;
  SLOT(2) Uints ranks;
  SLOT(3) Uints y;
  PARAMS QuantileParams p;
  SCRATCH Scratch scratch;
};

uint bits_at(uint i) { return x.v[i]; }

#include "lib/arrive.glsl"
#include "lib/blocks.glsl"
#include "lib/radix.glsl"
#include "lib/radix_blocks.glsl"

uint radix_begin() { return 0; }
uint ranks_per_sequence() { return p.ranks; }
uint rank_asked(uint s, uint q) { return ranks.v[s * p.ranks + q]; }
void found(uint s, uint q, bool there, uint key) { y.v[s * p.ranks + q] = there ? key : 0; }

void main() { radix_level(kPass); }
