// variants: IN=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q2_k|q3_k|q4_k|q5_k|q6_k
#version 460
// SPDX-License-Identifier: MIT
// A packed matrix is f32 [K, N'], N' being N rounded up to a multiple of 4 and the columns beyond N
// zero: neighbouring lanes of `linear` then read neighbouring vectors. One lane an element of it.
#include "lib/common.glsl"
#include "lib/load.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Elements stored;
  SLOT(1) Uints y;
  PARAMS PackParams p;
};

void main() {
  const uint width = (p.n + 3) & ~3u;
  const uint i = group() * LANES + lane();
  if (i >= p.k * width) return;
  const uint k = i / width;
  const uint n = i % width;
  const uint row = p.run == 0 ? n : n / p.run * p.period + n % p.run;
  const uint at = p.transposed != 0 ? k * p.stride + row : row * p.stride + k;
  y.v[i] = n < p.n ? load_bits(stored, p.offset + at) : 0;
}
