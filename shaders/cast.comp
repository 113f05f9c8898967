// variants: IN=f32|f16|bf16
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
