#version 460
// SPDX-License-Identifier: MIT
// One lane a channel of a sequence.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Ints offsets;
  SLOT(2) Uints value;
  SLOT(3) Uints position;
  PARAMS ReduceParams p;
};

void main() {
  const uint across = (p.dim + LANES - 1) / LANES;
  const uint s = group() / across;
  const uint d = group() % across * LANES + lane();
  if (s >= p.sequences || d >= p.dim) return;
  const uint begin = uint(offsets.v[s]);
  const uint end = uint(offsets.v[s + 1]);
  uint best = 0;
  uint at = NO_INDEX;
  for (uint r = begin; r < end; ++r) {
    const uint bits = x.v[r * p.dim + d];
    if (at != NO_INDEX && magnitude(bits) <= magnitude(best)) continue;
    best = bits;
    at = r - begin;
  }
  value.v[s * p.dim + d] = best;
  position.v[s * p.dim + d] = at;
}
