#version 460
// SPDX-License-Identifier: MIT
// One lane a group of a row; a pass (kPass) for each output, since there are more operands than
// slots.
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(constant_id = 2) const uint kPass = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats bias;
  SLOT(2) Floats of;
  SLOT(3) Floats weight;
  SLOT(4) Floats dy;
  SLOT(5) Floats y;
  PARAMS GateParams p;
};

#include "lib/gate.glsl"

// What the group's sum gets.
float of_sum(uint i) {
  precise float sum = 0;
  for (uint c = i * p.dim; c < (i + 1) * p.dim; ++c) sum = fma(x.v[c], dy.v[c], sum);
  if (p.act == TEPUI_ACT_NONE) return sum;
  const float factor = factor_of(i / p.groups, i % p.groups);
  precise float slope = factor * (1.0 - factor);
  sum = sum * slope;
  return sum;
}

void main() {
  const uint i = group() * LANES + lane();
  if (i >= p.rows * p.groups) return;
  const float factor = kPass == 0 ? factor_of(i / p.groups, i % p.groups) : of_sum(i);
  if (kPass == 1) {
    y.v[i] = factor;
    return;
  }
  const uint column = i % p.groups * p.dim;
  for (uint c = 0; c < p.dim; ++c) {
    const uint at = i * p.dim + c;
    float other = 0.0;
    if (kPass == 0) other = dy.v[at];
    else if (present(weight)) other = kPass == 2 ? weight.v[column + c] : of.v[at];
    y.v[at] = other * factor;
  }
}
