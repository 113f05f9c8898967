#version 460
// SPDX-License-Identifier: MIT
// `expert_linear` of few rows on a software device: a lane computes four columns of one row by one
// expert; each element is one chain of multiply-adds in ascending k, as in `linear`.
#include "lib/common.glsl"
#include "lib/weights.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) uvec2 weight;  // per expert, see lib/panels.glsl
  SLOT(2) Uints expert;
  SLOT(3) Floats y;
  PARAMS ExpertParams p;
};

void main() {
  const uint vectors = (p.n + 3) / 4;
  const uint across = (vectors + LANES - 1) / LANES;
  const uint row = group() / across;
  const uint column = group() % across * LANES + lane();
  if (row >= p.rows * p.chosen || column >= vectors) return;
  const uint from = (p.own != 0 ? row : row / p.chosen) * p.k;
  const uint first = column - lane();
  const uint width = panel_width(vectors, first);
  const uint matrix =
      expert.v[row] * weight_lines(p.k) * vectors + panel_begin(vectors, first, p.k) + lane();
  precise vec4 sum = vec4(0);
  // Four at a time: see linear.comp.
  WeightScale scale;
  for (uint k = 0; k < p.k; k += 4) {
    if (k % kScaled == 0) scale = weight_scale(weight, matrix, width, k);
    [[unroll]] for (uint i = 0; i < 4; ++i) {
      if (k + i >= p.k) continue;
      sum = fma(vec4(x.v[from + k + i]), weight_vector(weight, matrix, width, k + i, scale), sum);
    }
  }
  for (uint c = 0; c < 4 && 4 * column + c < p.n; ++c) y.v[row * p.n + 4 * column + c] = sum[c];
}
