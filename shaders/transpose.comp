#version 460
// SPDX-License-Identifier: MIT
// A workgroup a square of kSide x kSide elements, which it reads and writes by rows.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Uints y;
  PARAMS MatrixParams p;
};

const uint kSide = 32;
shared uint square[kSide * (kSide + 1)];

void main() {
  const uint across = (p.columns + kSide - 1) / kSide;
  const uint row = group() / across * kSide;
  const uint column = group() % across * kSide;
  if (row >= p.rows) return;
  for (uint i = lane(); i < kSide * kSide; i += LANES) {
    const uint r = row + i / kSide;
    const uint c = column + i % kSide;
    if (r < p.rows && c < p.columns)
      square[i / kSide * (kSide + 1) + i % kSide] = x.v[r * p.columns + c];
  }
  barrier();
  for (uint i = lane(); i < kSide * kSide; i += LANES) {
    const uint r = row + i % kSide;
    const uint c = column + i / kSide;
    if (r < p.rows && c < p.columns)
      y.v[c * p.rows + r] = square[i % kSide * (kSide + 1) + i / kSide];
  }
}
