#version 460
// SPDX-License-Identifier: MIT
// One lane four elements.
#include "lib/common.glsl"
#include "lib/fours.glsl"
#include "lib/math.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats gate;
  SLOT(1) Floats up;
  SLOT(2) Floats y;
  PARAMS ActParams p;
};

void main() {
  const uint i = 4 * (group() * LANES + lane());
  if (i + 4 <= p.count) {
    const vec4 x = four_at(gate, i);
    const vec4 gated =
        vec4(activate(p.act, x.x), activate(p.act, x.y), activate(p.act, x.z), activate(p.act, x.w));
    put_four(y, i, gated * four_at(up, i));
    return;
  }
  for (uint e = i; e < p.count; ++e) y.v[e] = activate(p.act, gate.v[e]) * up.v[e];
}
