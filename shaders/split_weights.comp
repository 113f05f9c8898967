#version 460
// SPDX-License-Identifier: MIT
// A packed matrix as two halves for each element (lib/split.glsl), for layers of many rows: else
// each of their tiles would split it again. A plane for each term, in panels of 256 columns, the last
// as well, K filled with zeros to a multiple of kSplitDepth; behind what split_rows.comp writes. A
// lane eight columns of a row of K.
#include "lib/common.glsl"
#include "lib/weights.glsl"
#include "lib/split.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) uvec2 weight;
  PARAMS LinearParams p;
  SCRATCH uvec2 scratch;
};

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Eights { uvec4 v[]; };
const uint kEights = PANEL / 2;  // of a line

void main() {
  const uint depth = split_depth(p.k);
  const uint vectors = (p.n + 3) / 4;
  const uint panels = (vectors + PANEL - 1) / PANEL;
  const uint i = group() * LANES + lane();
  if (i >= panels * depth * kEights) return;
  const uint panel = i / (depth * kEights);
  const uint k = i / kEights % depth;
  const uint first = panel * PANEL;
  const uint width = panel_width(vectors, first);
  const uint factors = factors_at(vectors, first, p.k);
  uvec4 high = uvec4(0);
  uvec4 low = uvec4(0);
  [[unroll]] for (uint h = 0; h < 2; ++h) {
    const uint v = 2 * (i % kEights) + h;
    if (k >= p.k || v >= width) continue;
    const vec4 w = weight_vector(weight, factored_begin(vectors, first, p.k) + v, width, k);
    [[unroll]] for (uint c = 0; c < 4; ++c) {
      const uvec2 t = split_terms(w[c] * Floats(weight).v[factors + 4 * v + c]) << (16 * (c % 2));
      high[2 * h + c / 2] |= t.x;
      low[2 * h + c / 2] |= t.y;
    }
  }
  const uint at = split_words(p.rows, p.k) / 4;
  Eights(scratch).v[at + i] = high;
  Eights(scratch).v[at + panels * depth * kEights + i] = low;
}
