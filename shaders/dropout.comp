#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"
#include "ops/random_bits.h"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Uints key;
  SLOT(2) Floats y;
  PARAMS DropoutParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.count) return;
  const bool dropped = pcg3d_word(i, key.v[0] + p.stream, key.v[1]) < p.threshold;
  y.v[i] = dropped ? 0.0 : x.v[i] * p.scale;
}
