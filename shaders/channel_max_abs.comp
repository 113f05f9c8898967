#version 460
// SPDX-License-Identifier: MIT
// A workgroup for eight channels of a sequence, whose rows its lanes divide among them: each of its
// parts finds the largest of theirs, and the first of them has it.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Ints offsets;
  SLOT(2) Uints value;
  SLOT(3) Uints position;
  PARAMS ReduceParams p;
};

const uint kChannels = 8;  // beside each other
const uint kParts = LANES / kChannels;

shared uvec2 room[LANES];  // bits and row; NO_INDEX: none

bool larger(uvec2 a, uvec2 b) {
  if (a.y == NO_INDEX || b.y == NO_INDEX) return b.y == NO_INDEX && a.y != NO_INDEX;
  const uint x = magnitude(a.x);
  const uint y = magnitude(b.x);
  return x > y || (x == y && a.y < b.y);
}

void main() {
  const uint across = (p.dim + kChannels - 1) / kChannels;
  const uint s = group() / across;
  if (s >= p.sequences) return;
  const uint d = group() % across * kChannels + lane() % kChannels;
  const uint begin = uint(offsets.v[s]);
  const uint end = uint(offsets.v[s + 1]);
  uvec2 best = uvec2(0, NO_INDEX);
  for (uint r = begin + lane() / kChannels; r < end && d < p.dim; r += 8 * kParts) {
    [[unroll]] for (uint i = 0; i < 8; ++i) {  // several loads under way at once
      if (r + i * kParts >= end) continue;
      const uvec2 own = uvec2(x.v[(r + i * kParts) * p.dim + d], r + i * kParts - begin);
      if (larger(own, best)) best = own;
    }
  }
  room[lane()] = best;
  barrier();
  if (lane() >= kChannels || d >= p.dim) return;
  for (uint i = 1; i < kParts; ++i) {
    const uvec2 other = room[lane() + i * kChannels];
    if (larger(other, best)) best = other;
  }
  value.v[s * p.dim + d] = best.x;
  position.v[s * p.dim + d] = best.y;
}
