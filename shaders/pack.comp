// variants: IN=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q2_k|q3_k|q4_k|q5_k|q6_k
#version 460
// SPDX-License-Identifier: MIT
// Packs a matrix as f32 (lib/panels.glsl): neighbouring lanes of `linear` then read neighbouring
// vectors. One lane an element of it.
#include "lib/common.glsl"
#include "lib/load.glsl"
#include "lib/panels.glsl"

layout(constant_id = 1) const uint kFactorRows = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Elements stored;
  SLOT(1) Uints y;
  PARAMS PackParams p;
};

void main() {
  const uint vectors = (p.n + 3) / 4;
  const uint i = group() * LANES + lane();
  if (i >= 4 * vectors * p.k) return;
  const uint first = i / (4 * PANEL * p.k) * PANEL;
  const uint within = i - 4 * first * p.k;
  const uint width = 4 * panel_width(vectors, first);
  const uint k = within / width;
  const uint c = within % width;
  const uint n = 4 * first + c;
  const uint row = p.run == 0 ? n : n / p.run * p.period + n % p.run;
  const uint from = p.transposed != 0 ? k * p.stride + row : row * p.stride + k;
  const uint at = 4 * panel_at(vectors, first, p.k + kFactorRows, k) + c;
  y.v[at] = n < p.n ? load_bits(stored, p.offset + from) : 0;
}
