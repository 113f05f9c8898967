// variants: IN=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q2_k|q3_k|q4_k|q5_k|q6_k
#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"
#include "lib/load.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Ints ids;
  SLOT(1) Elements table;
  SLOT(2) Uints y;
  PARAMS EmbedParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.rows * p.dim) return;
  y.v[i] = load_bits(table, uint(ids.v[i / p.dim]) * p.dim + i % p.dim);
}
