// SPDX-License-Identifier: MIT
// Reductions over the lanes of a workgroup by a fixed tree: the order depends on nothing but their
// number. Every lane must call them; every lane gets the result.
shared float reduce_room[LANES];

float reduce_add(float x) {
  precise float sum = x;
  reduce_room[lane()] = sum;
  barrier();
  for (uint stride = LANES / 2; stride > 0; stride /= 2) {
    if (lane() < stride) {
      sum = reduce_room[lane()] + reduce_room[lane() + stride];
      reduce_room[lane()] = sum;
    }
    barrier();
  }
  const float result = reduce_room[0];
  barrier();
  return result;
}

float reduce_max(float x) {
  reduce_room[lane()] = x;
  barrier();
  for (uint stride = LANES / 2; stride > 0; stride /= 2) {
    if (lane() < stride) {
      const float other = reduce_room[lane() + stride];
      if (other > reduce_room[lane()]) reduce_room[lane()] = other;
    }
    barrier();
  }
  const float result = reduce_room[0];
  barrier();
  return result;
}
