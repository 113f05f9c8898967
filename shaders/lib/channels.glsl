// SPDX-License-Identifier: MIT
// Channels of a head of q, k or v, four at a time, for the parameters ATTENTION of the shader that
// includes it. Places are clamped rather than tested.

// Whether rows may be read four channels at once.
bool by_vectors(Floats from) { return ATTENTION.head_dim % 4 == 0 && (uvec2(from).x & 15u) == 0; }

// Channels d to d + 3 behind element `at`; behind the head's last others of its own. `vectors` is
// written out where this is called.
vec4 channels(uvec2 from, bool vectors, uint at, uint d) {
  if (vectors) return Vectors(from).v[(at + min(d, ATTENTION.head_dim - 4)) / 4];
  const uint most = ATTENTION.head_dim - 1;
  vec4 x;
  [[unroll]] for (uint c = 0; c < 4; ++c) x[c] = Floats(from).v[at + min(d + c, most)];
  return x;
}
vec4 zero_behind(vec4 x, uint d) {
  return mix(vec4(0), x, lessThan(uvec4(d, d + 1, d + 2, d + 3), uvec4(ATTENTION.head_dim)));
}
