#version 460
// SPDX-License-Identifier: MIT
// Behind a packed matrix: the factor that brings each column's largest magnitude to where
// lib/split.glsl wants it. A lane a column.
#include "lib/common.glsl"
#include "lib/split.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats stored;
  SLOT(1) Floats y;
  PARAMS PackParams p;
};

void main() {
  const uint width = (p.n + 3) & ~3u;
  const uint column = group() * LANES + lane();
  if (column >= width) return;
  float largest = 0;
  // Four at a time: llvmpipe ends a lane behind 65,535 rounds of its loops.
  for (uint k = 0; k < p.k; k += 4) {
    [[unroll]] for (uint i = 0; i < 4; ++i) {
      if (k + i >= p.k) continue;
      const float own = abs(y.v[(k + i) * width + column]);
      if (own > largest && floatBitsToUint(own) < 0x7f800000u) largest = own;
    }
  }
  y.v[p.k * width + column] = split_factor(floatBitsToUint(largest));
}
