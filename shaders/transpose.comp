#version 460
// SPDX-License-Identifier: MIT
// One lane an element of the result.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Uints y;
  PARAMS MatrixParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i < p.rows * p.columns) y.v[i] = x.v[i % p.rows * p.columns + i / p.rows];
}
