#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats a;
  SLOT(1) Floats b;
  SLOT(2) Floats y;
  PARAMS AddParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  if (i < p.count) y.v[i] = a.v[i] + b.v[i];
}
