#version 460
// SPDX-License-Identifier: MIT
// One lane a row.
#include "lib/common.glsl"
#include "lib/threshold.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints rows;
  SLOT(1) Uints value;
  SLOT(2) Uints level;
  SLOT(3) Uints y;
  PARAMS MarkRowsParams p;
};

void main() {
  const uint r = group() * LANES + lane();
  if (r < p.rows) y.v[r] = magnitude(value.v[r]) >= least_above(level.v[r]) ? rows.v[r] : 0;
}
