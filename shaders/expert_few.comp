#version 460
// SPDX-License-Identifier: MIT
// `expert_linear` where an expert has few rows: a workgroup computes some columns of one row by one of
// its experts, by lib/linear_few.glsl.
#include "lib/common.glsl"
#include "lib/weights.glsl"
#include "lib/linear_few.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) uvec2 weight;  // per expert, see lib/panels.glsl
  SLOT(2) Uints expert;
  SLOT(3) Floats y;
  PARAMS ExpertParams p;
};

uint pair() { return group() / tiles_across(p.n); }  // of a row and one of its experts
float load_x(uint r, uint k) { return x.v[(p.own != 0 ? pair() : pair() / p.chosen) * p.k + k]; }

void main() {
  if (pair() >= p.rows * p.chosen) return;
  const uint tile = group() % tiles_across(p.n);
  const uint matrix = expert.v[pair()] * weight_lines(p.k) * ((p.n + 3) / 4);
  const float sum = few_product(weight, matrix, p.n, p.k, tile);
  const uint n = 4 * kVectors * tile + own_column();
  if (own_row() == 0 && n < p.n) y.v[pair() * p.n + n] = sum;
}
