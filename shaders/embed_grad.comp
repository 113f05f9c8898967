#version 460
// SPDX-License-Identifier: MIT
// A workgroup takes LANES columns of one row of the table and meets the rows in their order.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Ints ids;
  SLOT(1) Floats dy;
  SLOT(2) Floats y;
  PARAMS EmbedParams p;
};

void main() {
  const uint across = (p.dim + LANES - 1) / LANES;
  const uint token = group() / across;
  const uint column = group() % across * LANES + lane();
  if (token >= p.vocabulary || column >= p.dim) return;
  precise float sum = 0;
  for (uint first = 0; first < p.rows; first += 4) {
    [[unroll]] for (uint i = 0; i < 4; ++i) {
      const uint r = first + i;
      if (r < p.rows && uint(ids.v[r]) == token) sum = sum + dy.v[r * p.dim + column];
    }
  }
  y.v[token * p.dim + column] = sum;
}
