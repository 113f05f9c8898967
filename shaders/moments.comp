#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats gradient;
  SLOT(1) Floats m;
  SLOT(2) Floats v;
  SLOT(3) Floats clip;
  SLOT(4) Floats m_out;
  SLOT(5) Floats v_out;
  PARAMS MomentsParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.count) return;
  precise float g = gradient.v[i] * clip.v[1];
  precise float first = p.beta1 * m.v[i] + p.rest1 * g;
  precise float second = p.beta2 * v.v[i] + p.rest2 * g * g;
  m_out.v[i] = first;
  v_out.v[i] = second;
}
