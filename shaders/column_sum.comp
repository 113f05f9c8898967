#version 460
// SPDX-License-Identifier: MIT
// One lane a column: a chain in the order of the rows, in blocks of 64 so that it does not lose the
// last digits of long ones.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats y;
  PARAMS MatrixParams p;
};

void main() {
  const uint column = group() * LANES + lane();
  if (column >= p.columns) return;
  precise float sum = 0;
  // Four at a time: llvmpipe ends a lane behind 65,535 rounds of its loops.
  for (uint first = 0; first < p.rows; first += 64) {
    precise float block = 0;
    const uint end = min(first + 64, p.rows);
    uint r = first;
    for (; r + 4 <= end; r += 4) {
      [[unroll]] for (uint i = 0; i < 4; ++i) block = block + x.v[(r + i) * p.columns + column];
    }
    for (; r < end; ++r) block = block + x.v[r * p.columns + column];
    sum = sum + block;
  }
  y.v[column] = sum;
}
