#version 460
// SPDX-License-Identifier: MIT
// One lane an element; a pass (kPass) for each output, since there are more operands than slots.
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(constant_id = 2) const uint kPass = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats alpha;
  SLOT(2) Floats weight;
  SLOT(3) Floats dy;
  SLOT(4) Floats y;
  PARAMS MatrixParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.rows * p.columns) return;
  precise float t = tanh_of(alpha.v[0] * x.v[i]);
  precise float through = dy.v[i];
  if (kPass == 1) {
    through = through * t;
  } else {
    if (present(weight)) through = through * weight.v[i % p.columns];
    precise float slope = fma(-t, t, 1.0);
    through = through * slope;
    through = through * (kPass == 0 ? alpha.v[0] : x.v[i]);
  }
  y.v[i] = through;
}
