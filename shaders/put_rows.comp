#version 460
// SPDX-License-Identifier: MIT
// One lane an element: of the rows that are put, or, where the others are copied, of all.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Ints at;
  SLOT(2) Uints fresh;
  SLOT(3) Uints y;
  PARAMS PutRowsParams p;
};

void main() {
  const uint i = group() * LANES + lane();
  const uint width = p.tables * p.dim;
  if (p.in_place != 0) {
    if (i >= p.fresh * width) return;
    const uint table = i % width / p.dim;
    y.v[(table * p.rows + uint(at.v[i / width])) * p.dim + i % p.dim] = fresh.v[i];
    return;
  }
  if (i >= p.tables * p.rows * p.dim) return;
  const uint table = i / p.dim / p.rows;
  const int row = int(i / p.dim - table * p.rows);
  uint low = 0;  // how many rows that are put lie before this one
  uint high = p.fresh;
  while (low < high) {
    const uint middle = (low + high) / 2;
    if (at.v[middle] < row) low = middle + 1;
    else high = middle;
  }
  const bool put = low < p.fresh && at.v[low] == row;
  y.v[i] = put ? fresh.v[low * width + table * p.dim + i % p.dim] : x.v[i];
}
