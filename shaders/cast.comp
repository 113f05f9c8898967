// variants: IN=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q2_k|q3_k|q4_k|q5_k|q6_k
#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"
#include "lib/load.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Elements x;
  SLOT(1) Uints y;
  PARAMS CastParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i < p.count) y.v[i] = load_bits(x, i);
}
