#version 460
// SPDX-License-Identifier: MIT
// One lane a row.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats state;
  SLOT(1) Floats weight;
  SLOT(2) Floats y;
  PARAMS LossParams p;
};

void main() {
  const uint row = group() * LANES + lane();
  if (row >= p.rows) return;
  const float w = present(weight) ? weight.v[row] : 1.0;
  precise float loss = (state.v[3 * row] - state.v[3 * row + 2]) + log(state.v[3 * row + 1]);
  y.v[row] = w == 0.0 ? 0.0 : w * loss;
}
