#version 460
// SPDX-License-Identifier: MIT
// A packed f32 matrix whose panels have their factors is split (lib/split.glsl) where it lies: of each
// eight columns the first terms, then the second ones, in the room of the eight floats. A lane eight
// columns of a row of K.
#include "lib/common.glsl"
#include "lib/weights.glsl"
#include "lib/split.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats stored;
  SLOT(1) uvec2 y;
  PARAMS PackParams p;
};

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Eights { uvec4 v[]; };

void main() {
  const uint vectors = (p.n + 3) / 4;  // even
  const uint i = group() * LANES + lane();
  if (i >= vectors / 2 * p.k) return;
  const uint first = i / (PANEL / 2 * p.k) * PANEL;
  const uint within = i - first / 2 * p.k;
  const uint width = panel_width(vectors, first);
  const uint k = within / (width / 2);
  const uint v = 2 * (within % (width / 2));
  const uint at = factored_begin(vectors, first, p.k) + k * width + v;
  const uint factors = factors_at(vectors, first, p.k) / 4 + v;
  const vec4 left = Vectors(y).v[at] * Vectors(y).v[factors];
  const vec4 right = Vectors(y).v[at + 1] * Vectors(y).v[factors + 1];
  uvec4 high = uvec4(0);
  uvec4 low = uvec4(0);
  [[unroll]] for (uint c = 0; c < 8; ++c) {
    const uvec2 t = split_terms(c < 4 ? left[c % 4] : right[c % 4]) << (16 * (c % 2));
    high[c / 2] |= t.x;
    low[c / 2] |= t.y;
  }
  Eights(y).v[at] = high;
  Eights(y).v[at + 1] = low;
}
