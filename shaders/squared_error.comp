#version 460
// SPDX-License-Identifier: MIT
// A workgroup a row.
#include "lib/common.glsl"
#include "lib/reduce.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats target;
  SLOT(2) Floats weight;
  SLOT(3) Floats y;
  PARAMS LossParams p;
};

void main() {
  const uint row = group();
  if (row >= p.rows) return;
  precise float sum = 0;
  for (uint d = lane(); d < p.dim; d += LANES) {
    precise float off = x.v[row * p.dim + d] - target.v[row * p.dim + d];
    sum = fma(off, off, sum);
  }
  sum = reduce_add(sum);
  if (lane() == 0) y.v[row] = (present(weight) ? weight.v[row] : 1.0) * sum;
}
