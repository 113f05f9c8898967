#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats target;
  SLOT(2) Floats weight;
  SLOT(3) Floats y;
  PARAMS LossParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.rows * p.dim) return;
  precise float off = x.v[i] - target.v[i];
  y.v[i] = 2.0 * (present(weight) ? weight.v[i / p.dim] : 1.0) * off;
}
