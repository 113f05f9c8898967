#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats from;
  SLOT(1) Floats m;
  SLOT(2) Floats v;
  SLOT(3) Floats schedule;
  SLOT(4) Floats y;
  PARAMS AdamwParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.count) return;
  precise float keep = 1.0 - schedule.v[0] * p.decay;
  precise float step_ = schedule.v[1] * m.v[i] / (sqrt(v.v[i]) * schedule.v[2] + p.eps);
  precise float value = from.v[i] * keep - step_;
  y.v[i] = value;
}
