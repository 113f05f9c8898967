#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats logits;
  SLOT(1) Ints targets;
  SLOT(2) Floats normaliser;
  SLOT(3) Floats y;
  PARAMS TileParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.rows * p.tile) return;
  const uint row = i / p.tile;
  const float weight = normaliser.v[2 * row + 1];
  const int target = targets.v[row];
  const bool hit = target >= 0 && uint(target) == p.first + i % p.tile;
  precise float share = exp_of(logits.v[i] - normaliser.v[2 * row]);
  if (hit) share = share - 1.0;
  y.v[i] = weight == 0.0 ? 0.0 : weight * share;
}
