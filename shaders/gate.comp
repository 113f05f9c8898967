#version 460
// SPDX-License-Identifier: MIT
// One lane a group of a row.
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats bias;
  SLOT(2) Floats of;
  SLOT(3) Floats weight;
  SLOT(4) Floats y;
  PARAMS GateParams p;
};

#include "lib/gate.glsl"

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.rows * p.groups) return;
  const float factor = factor_of(i / p.groups, i % p.groups);
  for (uint c = i * p.dim; c < (i + 1) * p.dim; ++c) y.v[c] = x.v[c] * factor;
}
