// variants: KIND=fma|copy
#version 460
// SPDX-License-Identifier: MIT
// What a device can do at best, for benchmarks to divide by: multiply-adds on registers alone, and
// copying.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Vectors x;
  SLOT(1) Vectors y;
  PARAMS uint count;  // fma: rounds; copy: vectors of four
};

void main() {
#ifdef KIND_copy
  const uint i = group() * LANES + lane();
  if (i < count) y.v[i] = x.v[i];
#else
  vec4 sum[4];
  [[unroll]] for (uint i = 0; i < 4; ++i) sum[i] = vec4(lane() + i);
  const vec4 factor = x.v[0];  // not known when compiled
  for (uint round = 0; round < count; ++round) {
    [[unroll]] for (uint i = 0; i < 4; ++i) sum[i] = fma(sum[i], factor, factor);
  }
  y.v[group() * LANES + lane()] = sum[0] + sum[1] + sum[2] + sum[3];
#endif
}
