#version 460
// SPDX-License-Identifier: MIT
// `linear` of many rows: a tile of lib/linear_tiles.glsl. Where kNormed, x is what a norm reads, and
// its result is computed here, on the way to shared memory (lib/normed.glsl). Where kTapped, the first
// histogram of the result's statistics and each row's maximum are counted on the way out.
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/normed.glsl"
#include "lib/weights.glsl"
#include "lib/linear_tiles.glsl"
#include "lib/sequences.glsl"
#include "backend/vulkan/statistics_params.h"

layout(constant_id = 5) const uint kNormed = 0;
layout(constant_id = 2) const uint kTapped = 0;
#define RADIX_ROOM 1 + (RADIX_WORDS - 1) * kTapped
#define LARGEST_ROOM 1

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) uvec2 weight;
  SLOT(2) Floats bias;
  SLOT(3) Floats residual;  // where kNormed, the norm's factors
  SLOT(4) Floats y;
  SLOT(5) Ints offsets;  // where kNormed, the norm's weights
  PARAMS LinearParams linear;
  STATISTICS StatisticsParams p;
  SCRATCH Scratch scratch;
};

uint bits_at(uint i) { return floatBitsToUint(y.v[i]); }

#include "lib/statistics.glsl"
void found(uint s, uint q, bool there, uint key) {}
void top_give(uint s, uint place, uint value, uint index) {}

shared uvec2 largest[1 + (kRows - 1) * kTapped];  // of each row

// Four columns of a row from `n` on.
vec4 finish(uint row, uint n, vec4 sum) {
  precise vec4 value = sum;
  for (uint c = 0; c < 4 && n + c < linear.n; ++c) {
    precise float one = value[c];
    if (present(bias)) one = one + bias.v[n + c];
    if (linear.act != TEPUI_ACT_NONE) one = activate(linear.act, one);
    if (kNormed == 0 && present(residual)) one = residual.v[row * linear.n + n + c] + one;
    y.v[row * linear.n + n + c] = one;
    value[c] = one;
  }
  return value;
}

// Counts what this workgroup wrote, from `row` on.
void count_tile(uint row, uint tile, vec4 value[8]) {
  const uint last_row = min(row + kRows, linear.rows) - 1;
  const uvec2 own_sequences = sequences_of_rows(offsets, p.sequences, row, last_row + 1 - row);
  const uint first = own_sequences.x;
  const uint last = own_sequences.y;
  for (uint i = lane(); i < kRows; i += LANES) largest[i] = uvec2(0, NO_INDEX);
  clear_coarse();
  uvec2 own[4];
  for (uint i = 0; i < 8; ++i) {
    if (i % 2 == 0) own[i / 2] = uvec2(0, NO_INDEX);
    const uint at = row + row_of(i);
    if (at > last_row) continue;
    const uint s = sequence_of_row(offsets, p.sequences, at);
    for (uint c = 0; c < 4; ++c) {
      const uint n = column_of(tile, i % 2) + c;
      if (n >= linear.n) continue;
      const uint bits = floatBitsToUint(value[i][c]);
      const uvec2 one = uvec2(magnitude(bits), n);
      if (beats(one, own[i / 2])) own[i / 2] = one;
      if (ranks_per_sequence() == 0) continue;
      if (first == last) count_coarse(bits);
      else atomicAdd(scratch.v[coarse_at(s) + (magnitude(bits) >> 20)], 1);
    }
    if (i % 2 == 1) atomicMax(largest[row_of(i)].x, own[i / 2].x);
  }
  barrier();
  for (uint r = 0; r < 4; ++r) {  // the lowest index among equals
    const uint at = row_of(2 * r);
    if (own[r].y != NO_INDEX && own[r].x == largest[at].x) atomicMin(largest[at].y, own[r].y);
  }
  barrier();
  for (uint i = lane(); i < kRows && row + i <= last_row; i += LANES) {
    const uint at = maximum_at(row + i, tile);
    scratch.v[at] = largest[i].x;
    scratch.v[at + 1] = largest[i].y;
  }
  if (ranks_per_sequence() == 0) return;
  if (first == last) merge_coarse(first);
  for (uint s = first; s <= last; ++s) {
    if (rows_of(s) == 0) continue;
    const uint tiles = (first_row(s + 1) - 1) / kRows - first_row(s) / kRows + 1;
    radix_arrive(s, 0, tiles * tiles_across(linear.n));
  }
}

// What a lane has of a norm: of its rows, and of the column that it loads next.
float own_scale[kLoadsX];
float own_mean[kLoadsX];
float next_weight;
float next_bias;

uint row_begin;  // of the tile
uint row_loaded(uint i) { return min(row_begin + row_brought(i), linear.rows - 1); }
void load_factors() {
  [[unroll]] for (uint i = 0; i < kLoadsX; ++i) {
    own_scale[i] = residual.v[row_loaded(i)];
    own_mean[i] = kNormed != NORMED_RMS ? residual.v[linear.rows + row_loaded(i)] : 0;
  }
}

float load_x(uint i, uint k) { return x.v[row_loaded(i) * linear.k + k]; }
float stored_x(uint i, float x) {
  return kNormed == 0
             ? x
             : normed_from(kNormed, x, own_scale[i], own_mean[i], next_weight, next_bias);
}
void load_shared(uint k) {
  if (kNormed != 0) next_weight = Floats(uvec2(offsets)).v[k];
  if (kNormed == NORMED_LAYER_BIAS) next_bias = residual.v[2 * linear.rows + k];
}

void main() {
  const uint row = group() / tiles_across(linear.n) * kRows;
  const uint tile = group() % tiles_across(linear.n);
  if (row >= linear.rows) return;
  row_begin = row;
  if (kNormed != 0) load_factors();
  multiply_tile(weight, 0, linear.n, linear.k, tile);
  // A copy: what follows may reach it by an index.
  vec4 value[8];
  [[unroll]] for (uint i = 0; i < 8; ++i) value[i] = sum[i];
  for (uint i = 0; i < 8; ++i) {
    if (row + row_of(i) < linear.rows)
      value[i] = finish(row + row_of(i), column_of(tile, i % 2), value[i]);
  }
  if (kTapped != 0) count_tile(row, tile, value);
}
