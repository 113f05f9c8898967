// variants: IN=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q2_k|q3_k|q4_k|q5_k|q6_k
#version 460
// SPDX-License-Identifier: MIT
// Packs a matrix (lib/panels.glsl), f16 and bf16 as they are, all else as f32: neighbouring lanes of `linear` then read neighbouring
// vectors. One lane an element of it.
#include "lib/common.glsl"
#include "lib/load.glsl"
#include "lib/panels.glsl"

layout(constant_id = 1) const uint kFactorLines = 0;
#if defined(IN_f16) || defined(IN_bf16)
#define PACKED Halves
#define STORED(i) uint16_t(uint(stored.v[i]))
#define NONE uint16_t(0u)
#else
#define PACKED Uints
#define STORED(i) load_bits(stored, i)
#define NONE 0
#endif

layout(push_constant, scalar) uniform Push {
  SLOT(0) Elements stored;
  SLOT(1) PACKED y;
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
  const uint at = 4 * panel_at(vectors, first, p.k + kFactorLines, k) + c;
  if (n < p.n)
    y.v[at] = STORED(p.offset + from);
  else
    y.v[at] = NONE;
}
