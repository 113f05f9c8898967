#version 460
// SPDX-License-Identifier: MIT
// A workgroup a row, as cross_entropy.
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/reduce.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats own;
  SLOT(1) Floats other;
  SLOT(2) Floats state;
  SLOT(3) Floats y;
  PARAMS TileParams p;
};

bool nothing(float x) { return floatBitsToUint(x) == 0xff800000u; }
float term(float x, float largest) { return nothing(x) ? 0.0 : exp_of(x - largest); }

void main() {
  const uint row = group();
  if (row >= p.rows) return;
  const uint first = row * p.tile;
  const float before = state.v[3 * row];
  float largest = before;
  for (uint i = lane(); i < p.tile; i += LANES) {
    const float x = own.v[first + i];
    if (x > largest) largest = x;
  }
  largest = reduce_max(largest);
  precise float sum = 0;
  precise float weighted = 0;
  for (uint i = lane(); i < p.tile; i += LANES) {
    const float x = own.v[first + i];
    if (nothing(x)) continue;
    const float weight = term(x, largest);
    sum = sum + weight;
    weighted = weighted + weight * (x - other.v[first + i]);
  }
  sum = reduce_add(sum);
  weighted = reduce_add(weighted);
  if (lane() != 0) return;
  const float old = term(before, largest);
  y.v[3 * row] = largest;
  y.v[3 * row + 1] = fma(state.v[3 * row + 1], old, sum);
  y.v[3 * row + 2] = fma(state.v[3 * row + 2], old, weighted);
}
