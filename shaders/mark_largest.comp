#version 460
// SPDX-License-Identifier: MIT
// One lane a row.
#include "lib/common.glsl"
#include "lib/sequences.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints rows;
  SLOT(1) Uints index;
  SLOT(2) Ints offsets;
  SLOT(3) Uints y;
  PARAMS MarkLargestParams p;
};

void main() {
  const uint r = group() * LANES + lane();
  if (r >= p.rows) return;
  const uint s = sequence_of_row(offsets, p.sequences, r);
  y.v[r] = r - uint(offsets.v[s]) == index.v[s] / p.dim ? rows.v[r] : 0;
}
