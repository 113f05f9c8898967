#version 460
// SPDX-License-Identifier: MIT
// A workgroup a row: the largest, then the sum of the exponentials.
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/reduce.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats logits;
  SLOT(1) Ints targets;
  SLOT(2) Floats state;
  SLOT(3) Floats y;
  PARAMS TileParams p;
};

// A term of exactly nothing stays nothing where the largest is nothing as well.
float term(float x, float largest) {
  return floatBitsToUint(x) == 0xff800000u ? 0.0 : exp_of(x - largest);
}

void main() {
  const uint row = group();
  if (row >= p.rows) return;
  const uint first = row * p.tile;
  const float before = state.v[3 * row];
  float largest = before;
  for (uint i = lane(); i < p.tile; i += LANES) {
    const float x = logits.v[first + i];
    if (x > largest) largest = x;
  }
  largest = reduce_max(largest);
  precise float sum = 0;
  for (uint i = lane(); i < p.tile; i += LANES) sum = sum + term(logits.v[first + i], largest);
  sum = reduce_add(sum);
  if (lane() != 0) return;
  sum = fma(state.v[3 * row + 1], term(before, largest), sum);
  const int target = targets.v[row];
  const bool here = target >= 0 && uint(target) >= p.first && uint(target) - p.first < p.tile;
  y.v[3 * row] = largest;
  y.v[3 * row + 1] = sum;
  y.v[3 * row + 2] = here ? logits.v[first + uint(target) - p.first] : state.v[3 * row + 2];
}
