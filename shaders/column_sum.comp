#version 460
// SPDX-License-Identifier: MIT
// Sums of columns: chains in the order of the rows, in blocks of 64 so that they do not lose the last
// digits of long ones. A workgroup has 16 columns, of which its lanes add up several blocks at once.
#include "lib/common.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) Floats y;
  PARAMS MatrixParams p;
};

const uint kAcross = 16;  // columns
const uint kBlock = 64;   // rows
const uint kAtOnce = 16;  // that a lane asks for before it adds them
const uint kBlocks = LANES / kAcross;

shared float blocks[LANES];

float block_sum(uint begin, uint column) {
  const uint end = min(begin + kBlock, p.rows);
  precise float sum = 0;
  for (uint r = begin; r < end; r += kAtOnce) {
    float own[kAtOnce];
    [[unroll]] for (uint i = 0; i < kAtOnce; ++i)
      own[i] = x.v[min(r + i, p.rows - 1) * p.columns + column];
    [[unroll]] for (uint i = 0; i < kAtOnce; ++i) sum = r + i < end ? sum + own[i] : sum;
  }
  return sum;
}

void main() {
  const uint column = group() * kAcross + lane() % kAcross;
  precise float sum = 0;
  for (uint first = 0; first < p.rows; first += kBlock * kBlocks) {
    blocks[lane()] =
        block_sum(first + lane() / kAcross * kBlock, min(column, p.columns - 1));
    barrier();
    for (uint b = 0; b < kBlocks && first + b * kBlock < p.rows; ++b)
      sum = sum + blocks[b * kAcross + lane() % kAcross];
    barrier();
  }
  if (lane() < kAcross && column < p.columns) y.v[column] = sum;
}
