#version 460
// SPDX-License-Identifier: MIT
// One lane.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats total;
  SLOT(1) Floats y;
  PARAMS ClipParams p;
};

void main() {
  if (group() != 0 || lane() != 0) return;
  precise float norm = sqrt(total.v[0]);
  precise float factor = p.limit / (norm + 1e-6);
  y.v[0] = norm;
  y.v[1] = p.limit == 0.0 || factor > 1.0 ? 1.0 : factor;
}
