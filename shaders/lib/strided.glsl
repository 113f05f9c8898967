// SPDX-License-Identifier: MIT
// Four elements that a lane has of a row, LANES apart: loads that are under way at once where a loop
// of one would wait for each.
vec4 strided(Floats from, uint i) {
  return vec4(from.v[i], from.v[i + LANES], from.v[i + 2 * LANES], from.v[i + 3 * LANES]);
}
void put_strided(Floats to, uint i, vec4 x) {
  to.v[i] = x.x;
  to.v[i + LANES] = x.y;
  to.v[i + 2 * LANES] = x.z;
  to.v[i + 3 * LANES] = x.w;
}
