#version 460
// SPDX-License-Identifier: MIT
// A workgroup a row.
#include "lib/common.glsl"
#include "lib/reduce.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats a;
  SLOT(1) Floats b;
  SLOT(2) Floats y;
  PARAMS ReduceParams p;
};

void main() {
  if (group() >= p.rows) return;
  const uint first = group() * p.dim;
  precise float squares = 0;
  for (uint d = lane(); d < p.dim; d += LANES) {
    precise float difference = a.v[first + d] - b.v[first + d];
    squares = fma(difference, difference, squares);
  }
  const float sum = reduce_add(squares);
  if (lane() == 0) y.v[group()] = sqrt(sum);
}
