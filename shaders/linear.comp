#version 460
// SPDX-License-Identifier: MIT
// A lane computes kRows rows of four columns; each element is one chain of multiply-adds in
// ascending k, however many rows there are and however they are divided among lanes (law 2).
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(constant_id = 1) const uint kRows = 4;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Vectors weight;  // see pack.comp
  SLOT(2) Floats bias;
  SLOT(3) Floats residual;
  SLOT(4) Floats y;
  PARAMS LinearParams p;
};

void write(uint row, uint n, float sum) {
  if (n >= p.n) return;
  precise float value = sum;
  if (present(bias)) value = value + bias.v[n];
  if (p.act != TEPUI_ACT_NONE) value = activate(p.act, value);
  const uint at = row * p.n + n;
  if (present(residual)) value = residual.v[at] + value;
  y.v[at] = value;
}

void main() {
  const uint vectors = (p.n + 3) / 4;
  const uint across = (vectors + LANES - 1) / LANES;
  const uint row = group() / across * kRows;
  const uint column = group() % across * LANES + lane();
  if (row >= p.rows || column >= vectors) return;
  uint from[kRows];
  precise vec4 sum[kRows];
  [[unroll]] for (uint r = 0; r < kRows; ++r) {
    from[r] = min(row + r, p.rows - 1) * p.k;  // rows beyond the last are computed, not written
    sum[r] = vec4(0);
  }
  for (uint k = 0; k < p.k; ++k) {
    const vec4 w = weight.v[k * vectors + column];
    [[unroll]] for (uint r = 0; r < kRows; ++r) sum[r] = fma(vec4(x.v[from[r] + k]), w, sum[r]);
  }
  for (uint r = 0; r < kRows; ++r) {
    if (row + r >= p.rows) return;
    for (uint c = 0; c < 4; ++c) write(row + r, 4 * column + c, sum[r][c]);
  }
}
