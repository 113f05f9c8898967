#version 460
// SPDX-License-Identifier: MIT
// One lane an element.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints v;
  SLOT(1) Uints marked;
  SLOT(2) Ints offsets;
  SLOT(3) Uints y;
  PARAMS HeadValuesParams p;
};

void main() {
  const uint index = group() * LANES + lane();
  const uint width = p.heads * p.head_dim;
  const uint row = index / width;
  if (row >= p.sequences * p.marked * p.heads) return;
  const uint column = index % width;
  const uint head = row % p.heads;
  const uint s = row / p.heads / p.marked;
  const uint key = marked.v[row / p.heads];
  const uint begin = uint(offsets.v[s]);
  uint value = 0;
  if (column / p.head_dim == head && key < uint(offsets.v[s + 1]) - begin) {
    const uint from = (begin + key) * p.kv_heads + head / (p.heads / p.kv_heads);
    value = v.v[from * p.head_dim + column % p.head_dim];
  }
  y.v[index] = value;
}
