#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"
#include "lib/sequences.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats weight;
  SLOT(1) Floats x;
  SLOT(2) Ints offsets;
  SLOT(3) Floats y;
  PARAMS MixRowsParams p;
};

void main() {
  const uint index = group() * LANES + lane();
  const uint row = index / p.dim;
  if (row >= p.rows) return;
  uint from = sequence_of_row(offsets, p.sequences, row) * p.k * p.dim + index % p.dim;
  precise float sum = 0;
  for (uint k = 0; k < p.k; ++k) {
    sum = fma(weight.v[row * p.k + k], x.v[from], sum);
    from += p.dim;
  }
  y.v[index] = sum;
}
