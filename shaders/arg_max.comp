#version 460
// SPDX-License-Identifier: MIT
// A workgroup a row. Floats are compared as integers of the same order, the two zeros being equal.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints logits;
  SLOT(1) Uints value;
  SLOT(2) Uints index;
  SLOT(3) Uints value_out;
  SLOT(4) Uints index_out;
  PARAMS TileParams p;
};

const int kNothing = -0x7fffffff;  // below any number

shared int key_room[LANES];
shared uint index_room[LANES];

bool is_nan(uint bits) { return magnitude(bits) > 0x7f800000u; }
int order_of(uint bits) {
  const int key = int(magnitude(bits));
  return (bits >> 31) != 0 ? -key : key;
}
bool beats(int key, uint at, int best, uint best_at) {
  return key > best || (key == best && at < best_at);
}

void main() {
  const uint row = group();
  if (row >= p.rows) return;
  int best = kNothing;
  uint best_at = NO_INDEX;
  for (uint i = lane(); i < p.tile; i += LANES) {
    const uint bits = logits.v[row * p.tile + i];
    if (is_nan(bits) || !beats(order_of(bits), p.first + i, best, best_at)) continue;
    best = order_of(bits);
    best_at = p.first + i;
  }
  key_room[lane()] = best;
  index_room[lane()] = best_at;
  barrier();
  for (uint stride = LANES / 2; stride > 0; stride /= 2) {
    const uint other = lane() + stride;
    if (lane() < stride &&
        beats(key_room[other], index_room[other], key_room[lane()], index_room[lane()])) {
      key_room[lane()] = key_room[other];
      index_room[lane()] = index_room[other];
    }
    barrier();
  }
  if (lane() != 0) return;
  const uint before = value.v[row];
  const uint found = index_room[0];
  const bool better = key_room[0] != kNothing && !is_nan(before) &&
                      beats(key_room[0], found, order_of(before), index.v[row]);
  value_out.v[row] = better ? logits.v[row * p.tile + found - p.first] : before;
  index_out.v[row] = better ? found : index.v[row];
}
