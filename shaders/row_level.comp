#version 460
// SPDX-License-Identifier: MIT
// One lane a row.
#include "lib/common.glsl"
#include "lib/multiply.glsl"
#include "lib/sequences.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints level;
  SLOT(1) Ints offsets;
  SLOT(2) Uints y;
  PARAMS RowLevelParams p;
};

void main() {
  const uint r = group() * LANES + lane();
  if (r >= p.rows) return;
  const uint s = sequence_of_row(offsets, p.sequences, r);
  const uint own = magnitude(level.v[s * p.levels + p.column]);
  // Neither is negative, so that their bits are in order, with NaN above all.
  y.v[r] = max(multiply(floatBitsToUint(p.ratio), own), floatBitsToUint(p.floor) & 0x7fffffffu);
}
