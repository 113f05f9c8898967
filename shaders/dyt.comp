#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats alpha;
  SLOT(2) Floats weight;
  SLOT(3) Floats bias;
  SLOT(4) Floats y;
  PARAMS MatrixParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.rows * p.columns) return;
  precise float value = tanh_of(alpha.v[0] * x.v[i]);
  if (present(weight)) value = value * weight.v[i % p.columns];
  if (present(bias)) value = value + bias.v[i % p.columns];
  y.v[i] = value;
}
