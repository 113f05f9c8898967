#version 460
// SPDX-License-Identifier: MIT
// A workgroup a row.
#include "lib/common.glsl"
#include "lib/largest.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Uints value;
  SLOT(2) Uints channel;
  PARAMS ReduceParams p;
};

void main() {
  const uint row = group();
  if (row >= p.rows) return;
  uvec2 best = uvec2(0, NO_INDEX);
  for (uint d = lane(); d < p.dim; d += LANES) {
    const uvec2 own = uvec2(magnitude(x.v[row * p.dim + d]), d);
    if (beats(own, best)) best = own;
  }
  best = reduce_largest(best);
  if (lane() != 0) return;
  value.v[row] = best.y == NO_INDEX ? 0 : x.v[row * p.dim + best.y];
  channel.v[row] = best.y;
}
