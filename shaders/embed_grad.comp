#version 460
// SPDX-License-Identifier: MIT
// A workgroup takes LANES columns of one row of the table. Its lanes look at an id each for whether it
// is this row's, and mark its bit; then they meet the rows that are, in their order.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Ints ids;
  SLOT(1) Floats dy;
  SLOT(2) Floats y;
  PARAMS EmbedParams p;
};

shared uint marks[LANES];  // of 32 ids each

void main() {
  const uint across = (p.dim + LANES - 1) / LANES;
  const uint token = group() / across;
  const uint column = group() % across * LANES + lane();
  if (token >= p.vocabulary) return;
  precise float sum = 0;
  for (uint first = 0; first < p.rows; first += 32 * LANES) {
    barrier();
    marks[lane()] = 0;
    barrier();
    const uint count = min(32 * LANES, p.rows - first);
    for (uint i = lane(); i < count; i += LANES)
      if (uint(ids.v[first + i]) == token) atomicOr(marks[i / 32], 1u << (i % 32));
    barrier();
    for (uint w = 0; w < (count + 31) / 32; ++w) {
      for (uint bits = marks[w]; bits != 0; bits &= bits - 1) {
        const uint r = first + 32 * w + uint(findLSB(bits));
        if (column < p.dim) sum = sum + dy.v[r * p.dim + column];
      }
    }
  }
  if (column < p.dim) y.v[token * p.dim + column] = sum;
}
