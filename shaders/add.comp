#version 460
// SPDX-License-Identifier: MIT
// One lane an element. Where kTapped, a workgroup a block of rows, which counts the first histogram
// of the sum's statistics and each row's maximum on the way.
#include "lib/common.glsl"
#include "backend/vulkan/statistics_params.h"

layout(constant_id = 2) const uint kTapped = 0;
#define RADIX_ROOM 1 + (RADIX_WORDS - 1) * kTapped

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats a;
  SLOT(1) Floats b;
  SLOT(2) Floats y;
  SLOT(5) Ints offsets;
  PARAMS AddParams add;
  STATISTICS StatisticsParams p;
  SCRATCH Scratch scratch;
};

uint bits_at(uint i) { return floatBitsToUint(y.v[i]); }

#include "lib/statistics.glsl"
void found(uint s, uint q, bool there, uint key) {}
void top_give(uint s, uint place, uint value, uint index) {}

void add_row(uint row) {
  uvec2 best = uvec2(0, NO_INDEX);
  for (uint d = lane(); d < p.dim; d += LANES) {
    const uint i = row * p.dim + d;
    const float sum = a.v[i] + b.v[i];
    y.v[i] = sum;
    count_coarse(floatBitsToUint(sum));
    const uvec2 own = uvec2(magnitude(floatBitsToUint(sum)), d);
    if (beats(own, best)) best = own;
  }
  best = reduce_largest(best);
  if (lane() != 0) return;
  scratch.v[maximum_at(row, 0)] = best.x;
  scratch.v[maximum_at(row, 0) + 1] = best.y;
}

void add_block() {
  const Block block = block_of(group());
  if (block.idle) return;
  clear_coarse();
  for (uint i = block.begin; i < block.end; i += p.dim) add_row(i / p.dim);
  if (ranks_per_sequence() == 0) return;
  merge_coarse(block.sequence);
  radix_arrive(block.sequence, 0, slots_of(block.sequence));
}

void main() {
  if (kTapped != 0) {
    add_block();
    return;
  }
  const uint i = group() * LANES + lane();
  if (i < add.count) y.v[i] = a.v[i] + b.v[i];
}
