// SPDX-License-Identifier: MIT
// The largest |x| of what lanes hold, as (magnitude, index): the lowest index among equals. (0,
// NO_INDEX) is nothing; any element beats it.
#ifndef LARGEST_ROOM  // where nothing is reduced
#define LARGEST_ROOM LANES
#endif
shared uvec2 largest_room[LARGEST_ROOM];

bool beats(uvec2 a, uvec2 b) { return a.x > b.x || (a.x == b.x && a.y < b.y); }

uvec2 reduce_largest(uvec2 own) {
  largest_room[lane()] = own;
  barrier();
  for (uint stride = LANES / 2; stride > 0; stride /= 2) {
    if (lane() < stride && beats(largest_room[lane() + stride], largest_room[lane()])) {
      largest_room[lane()] = largest_room[lane() + stride];
    }
    barrier();
  }
  const uvec2 result = largest_room[0];
  barrier();
  return result;
}
