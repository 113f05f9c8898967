#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats weight;
  SLOT(2) Floats y;
  PARAMS MixParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.rows * p.dim) return;
  const uint first = i / p.dim * p.chosen;
  precise float sum = 0;
  for (uint j = 0; j < p.chosen; ++j)
    sum = fma(weight.v[first + j], x.v[(first + j) * p.dim + i % p.dim], sum);
  y.v[i] = sum;
}
