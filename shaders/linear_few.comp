#version 460
// SPDX-License-Identifier: MIT
// `linear` of few rows, by lib/linear_few.glsl.
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/weights.glsl"
#include "lib/linear_few.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) uvec2 weight;
  SLOT(2) Floats bias;
  SLOT(3) Floats residual;
  SLOT(4) Floats y;
  PARAMS LinearParams p;
};

uint row_begin() { return group() / tiles_across(p.n) * kRows; }
float load_x(uint r, uint k) { return x.v[min(row_begin() + r, p.rows - 1) * p.k + k]; }

void finish(uint row, uint n, float sum) {
  precise float value = sum;
  if (present(bias)) value = value + bias.v[n];
  if (p.act != TEPUI_ACT_NONE) value = activate(p.act, value);
  if (present(residual)) value = residual.v[row * p.n + n] + value;
  y.v[row * p.n + n] = value;
}

void main() {
  const uint tile = group() % tiles_across(p.n);
  if (row_begin() >= p.rows) return;
  const float sum = few_product(weight, 0, p.n, p.k, tile);
  const uint row = row_begin() + own_row();
  const uint n = 4 * kVectors * tile + own_column();
  if (own_row() < kRows && row < p.rows && n < p.n) finish(row, n, sum);
}
