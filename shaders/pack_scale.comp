#version 460
// SPDX-License-Identifier: MIT
// Behind each panel of a packed matrix: the factor that brings each column's largest magnitude to
// where lib/split.glsl wants it. A lane a column.
#include "lib/common.glsl"
#include "lib/weights.glsl"
#include "lib/split.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats stored;
  SLOT(1) uvec2 y;
  PARAMS PackParams p;
};

void main() {
  const uint vectors = (p.n + 3) / 4;
  const uint column = group() * LANES + lane();
  if (column >= 4 * vectors) return;
  const uint first = column / (4 * PANEL) * PANEL;
  const uint width = panel_width(vectors, first);
  const uint from = factored_begin(vectors, first, p.k) + column / 4 - first;
  float largest = 0;
  // Four at a time: llvmpipe ends a lane behind 65,535 rounds of its loops.
  for (uint k = 0; k < p.k; k += 4) {
    [[unroll]] for (uint i = 0; i < 4; ++i) {
      if (k + i >= p.k) continue;
      const float own = abs(weight_vector(y, from, width, k + i)[column % 4]);
      if (own > largest && floatBitsToUint(own) < 0x7f800000u) largest = own;
    }
  }
  Floats(y).v[factors_at(vectors, first, p.k) + column - 4 * first] =
      split_factor(floatBitsToUint(largest));
}
