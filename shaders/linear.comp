#version 460
// SPDX-License-Identifier: MIT
// A lane computes kRows rows of four columns; each element is one chain of multiply-adds in
// ascending k, however many rows there are and however they are divided among lanes (law 2). Where
// kTapped, the first histogram of the result's statistics and each row's maximum are counted on the
// way out.
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/weights.glsl"
#include "lib/sequences.glsl"
#include "backend/vulkan/statistics_params.h"

layout(constant_id = 2) const uint kTapped = 0;
#define RADIX_ROOM 1 + (RADIX_WORDS - 1) * kTapped
layout(constant_id = 3) const uint kRows = 4;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) uvec2 weight;
  SLOT(2) Floats bias;
  SLOT(3) Floats residual;
  SLOT(4) Floats y;
  SLOT(5) Ints offsets;
  PARAMS LinearParams linear;
  STATISTICS StatisticsParams p;
  SCRATCH Scratch scratch;
};

uint bits_at(uint i) { return floatBitsToUint(y.v[i]); }

#include "lib/statistics.glsl"
void found(uint s, uint q, bool there, uint key) {}
void top_give(uint s, uint place, uint value, uint index) {}

float finish(uint row, uint n, float sum) {
  precise float value = sum;
  if (present(bias)) value = value + bias.v[n];
  if (linear.act != TEPUI_ACT_NONE) value = activate(linear.act, value);
  if (present(residual)) value = residual.v[row * linear.n + n] + value;
  y.v[row * linear.n + n] = value;
  return value;
}

uint vectors() { return (linear.n + 3) / 4; }
uint across() { return (vectors() + LANES - 1) / LANES; }  // workgroups to a row

// Counts what this workgroup wrote: `rows` rows from `row` on, four columns a lane.
void count_tile(uint row, uint rows, uint column, vec4 value[kRows]) {
  const uvec2 own_sequences = sequences_of_rows(offsets, p.sequences, row, rows);
  const uint first = own_sequences.x;
  const uint last = own_sequences.y;
  clear_coarse();
  for (uint r = 0; r < rows; ++r) {
    const uint s = sequence_of_row(offsets, p.sequences, row + r);
    uvec2 best = uvec2(0, NO_INDEX);
    for (uint c = 0; c < 4 && 4 * column + c < linear.n; ++c) {
      const uint bits = floatBitsToUint(value[r][c]);
      const uvec2 own = uvec2(magnitude(bits), 4 * column + c);
      if (beats(own, best)) best = own;
      if (ranks_per_sequence() == 0) continue;
      if (first == last) count_coarse(bits);
      else atomicAdd(scratch.v[coarse_at(s) + (magnitude(bits) >> 20)], 1);
    }
    best = reduce_largest(best);
    const uint at = maximum_at(row + r, group() % across());
    if (lane() == 0) {
      scratch.v[at] = best.x;
      scratch.v[at + 1] = best.y;
    }
  }
  if (ranks_per_sequence() == 0) return;
  if (first == last) merge_coarse(first);
  for (uint s = first; s <= last; ++s) {
    if (rows_of(s) == 0) continue;
    const uint tiles = (first_row(s + 1) - 1) / kRows - first_row(s) / kRows + 1;
    radix_arrive(s, 0, tiles * across());
  }
}

void main() {
  const uint row = group() / across() * kRows;
  const uint column = group() % across() * LANES + lane();
  if (row >= linear.rows) return;
  const uint rows = min(kRows, linear.rows - row);
  const uint first = column - lane();
  const uint width = panel_width(vectors(), first);
  // Lanes beyond the last compute and write nothing.
  const uint own = panel_begin(vectors(), first, linear.k) + min(lane(), width - 1);
  uint from[kRows];
  precise vec4 sum[kRows];
  [[unroll]] for (uint r = 0; r < kRows; ++r) {
    from[r] = min(row + r, linear.rows - 1) * linear.k;  // likewise rows
    sum[r] = vec4(0);
  }
  // Four at a time: llvmpipe ends a lane behind 65,535 rounds of its loops.
  WeightScale scale;
  for (uint k = 0; k < linear.k; k += 4) {
    if (k % kScaled == 0) scale = weight_scale(weight, own, width, k);
    [[unroll]] for (uint i = 0; i < 4; ++i) {
      if (k + i >= linear.k) continue;
      const vec4 w = weight_vector(weight, own, width, k + i, scale);
      [[unroll]] for (uint r = 0; r < kRows; ++r)
        sum[r] = fma(vec4(x.v[from[r] + k + i]), w, sum[r]);
    }
  }
  // A copy: sums that are reached by an index would lie in memory all along.
  vec4 value[kRows];
  [[unroll]] for (uint r = 0; r < kRows; ++r) value[r] = sum[r];
  for (uint r = 0; r < rows; ++r) {
    for (uint c = 0; c < 4 && 4 * column + c < linear.n; ++c)
      value[r][c] = finish(row + r, 4 * column + c, value[r][c]);
  }
  if (kTapped != 0) count_tile(row, rows, column, value);
}
