#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats y;
  PARAMS ScalarParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i < p.count) y.v[i] = p.value * x.v[i];
}
