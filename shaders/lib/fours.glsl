// SPDX-License-Identifier: MIT
// Four neighbouring floats at once where they lie at a multiple of 16 bytes, else one by one. One
// element a lane keeps too few loads on their way to fill a GPU's memory. `i` is a multiple of 4.
vec4 four_at(Floats from, uint i) {
  if ((uvec2(from).x & 15u) == 0) return Vectors(uvec2(from)).v[i / 4];
  return vec4(from.v[i], from.v[i + 1], from.v[i + 2], from.v[i + 3]);
}
void put_four(Floats to, uint i, vec4 x) {
  if ((uvec2(to).x & 15u) == 0) {
    Vectors(uvec2(to)).v[i / 4] = x;
    return;
  }
  to.v[i] = x.x;
  to.v[i + 1] = x.y;
  to.v[i + 2] = x.z;
  to.v[i + 3] = x.w;
}
