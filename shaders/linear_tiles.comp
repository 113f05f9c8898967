#version 460
// SPDX-License-Identifier: MIT
// `linear` of many rows: rows of x and columns of the weights pass through shared memory, and a lane
// computes four rows of eight columns. What the next round multiplies is loaded while this one does.
// Each element is one chain of multiply-adds in ascending k, as in linear.comp, whatever the tile
// (law 2). Arrays are as long as any tile needs and reached by loops of a length that is written
// out: compilers put those whose length is a specialization constant, or that are reached by an
// index, into memory. Where kNormed, x is what a norm reads, and its result
// is computed here, on the way to shared memory (lib/normed.glsl). Where
// kTapped, the first histogram of the result's statistics and each row's maximum are counted on the
// way out.
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/normed.glsl"
#include "lib/weights.glsl"
#include "lib/sequences.glsl"
#include "backend/vulkan/statistics_params.h"

layout(constant_id = 5) const uint kNormed = 0;
layout(constant_id = 2) const uint kTapped = 0;
layout(constant_id = 3) const uint kAcross = 16;  // lanes
layout(constant_id = 4) const uint kDepth = 16;   // of what shared memory holds; 8 or 16
#define RADIX_ROOM 1 + (RADIX_WORDS - 1) * kTapped
#define LARGEST_ROOM 1
const uint kVectors = 2 * kAcross;        // of a tile's row: a lane has one of each half
const uint kQuads = LANES / kAcross;      // of its rows
const uint kRows = 4 * kQuads;
const uint kPitch = kQuads + 1;
// What a lane loads for a round: 32 rows of x by 64 lanes, or 64 by 256; of the weights likewise.
const uint kLoadsX = 8;
const uint kLoadsW = 4;
const uint kStepX = LANES / kDepth;     // rows from one to the next, which divide the tile's
const uint kStepW = LANES / kVectors;

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

shared vec4 room_x[kDepth * kPitch];
shared vec4 room_w[kDepth * kVectors];
shared uvec2 largest[1 + (kRows - 1) * kTapped];  // of each row

uint tiles_across() { return (linear.n + 4 * kVectors - 1) / (4 * kVectors); }

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

uint lane_across() { return lane() % kAcross; }
uint lane_quad() { return lane() / kAcross; }
uint column_of(uint tile, uint half_) {
  return 4 * (tile * kVectors + half_ * kAcross + lane_across());
}

// The row of a lane's i-th vector, of two halves of four rows.
uint row_of(uint i) { return 4 * lane_quad() + i / 2; }

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
    radix_arrive(s, 0, tiles * tiles_across());
  }
}

vec4 sum[8];  // never but by fma: nothing to contract

// Row k of what shared memory holds.
void multiply(uint k) {
  const vec4 left = room_w[k * kVectors + lane_across()];
  const vec4 right = room_w[k * kVectors + kAcross + lane_across()];
  const vec4 own = room_x[k * kPitch + lane_quad()];
  [[unroll]] for (uint r = 0; r < 4; ++r) {
    sum[2 * r] = fma(vec4(own[r]), left, sum[2 * r]);
    sum[2 * r + 1] = fma(vec4(own[r]), right, sum[2 * r + 1]);
  }
}

// What a lane has of a norm: of its rows, and of the column that it loads next.
float own_scale[kLoadsX];
float own_mean[kLoadsX];
float next_weight;
float next_bias;

uint row_loaded(uint row, uint i) {
  return min(row + lane() / kDepth + i * kStepX, linear.rows - 1);
}
void load_factors(uint row) {
  [[unroll]] for (uint i = 0; i < kLoadsX; ++i) {
    own_scale[i] = residual.v[row_loaded(row, i)];
    own_mean[i] = kNormed != NORMED_RMS ? residual.v[linear.rows + row_loaded(row, i)] : 0;
  }
}

// As many as kLoadsX and kLoadsW say. Nothing that is loaded stands behind a branch, nor is it
// reckoned with before it is stored: what is loaded next would wait for it.
#define LOAD_X(i) \
  if (i * kStepX < kRows) next_x[i] = x.v[row_loaded(row, i) * linear.k + min(from + load_k, last)];
#define STORE_X(i)                                                                             \
  if (i * kStepX < kRows) {                                                                    \
    const uint r = lane() / kDepth + i * kStepX;                                               \
    room_x[load_k * kPitch + r / 4][r % 4] =                                                   \
        kNormed == 0 ? next_x[i]                                                               \
                     : normed_from(kNormed, next_x[i], own_scale[i], own_mean[i], next_weight, \
                                   next_bias);                                                 \
  }
#define LOAD_W(i)          \
  if (i * kStepW < kDepth) \
    next_w[i] = weight_word(weight, loads, width, min(from + load_w + i * kStepW, last));
#define STORE_W(i) \
  if (i * kStepW < kDepth) room_w[lane() + i * LANES] = weight_from(next_w[i], scale);

void main() {
  const uint row = group() / tiles_across() * kRows;
  const uint tile = group() % tiles_across();
  if (row >= linear.rows) return;
  const uint vectors = (linear.n + 3) / 4;
  const uint first = tile * kVectors / PANEL * PANEL;  // tiles divide a panel
  const uint width = panel_width(vectors, first);
  const uint base = panel_begin(vectors, first, linear.k) + tile * kVectors - first;
  const uint beyond = vectors - tile * kVectors - 1;  // lanes behind it compute and write nothing
  const uint loads = base + min(lane() % kVectors, beyond);  // kVectors divide LANES
  // This lane loads column load_k of its rows; and row load_w and on of the weights.
  const uint load_k = lane() % kDepth;
  const uint load_w = lane() / kVectors;
  const uint last = linear.k - 1;  // what is read behind it is not used
  [[unroll]] for (uint i = 0; i < 8; ++i) sum[i] = vec4(0);
  if (kNormed != 0) load_factors(row);
  float next_x[kLoadsX];
  uvec4 next_w[kLoadsW];
  ScaleWords next_scale;
  WeightScale scale = WeightScale(vec4(1), vec4(0));
  for (uint from = 0; from < linear.k + kDepth; from += kDepth) {
    // Of the round before: `from` is what is loaded now.
    if (from > 0) {
      const uint before = from - kDepth;
      if (kQuantised && before % kScaled == 0) scale = scale_from(next_scale, before);
      barrier();
      STORE_X(0) STORE_X(1) STORE_X(2) STORE_X(3) STORE_X(4) STORE_X(5) STORE_X(6) STORE_X(7)
      STORE_W(0) STORE_W(1) STORE_W(2) STORE_W(3)
      barrier();
    }
    if (from < linear.k) {
      if (kQuantised && from % kScaled == 0) next_scale = scale_words(weight, loads, width, from);
      LOAD_X(0) LOAD_X(1) LOAD_X(2) LOAD_X(3) LOAD_X(4) LOAD_X(5) LOAD_X(6) LOAD_X(7)
      if (kNormed != 0) next_weight = Floats(uvec2(offsets)).v[min(from + load_k, last)];
      if (kNormed == NORMED_LAYER_BIAS)
        next_bias = residual.v[2 * linear.rows + min(from + load_k, last)];
      LOAD_W(0) LOAD_W(1) LOAD_W(2) LOAD_W(3)
    }
    if (from == 0) continue;
    const uint depth = min(kDepth, linear.k - (from - kDepth));
    uint k = 0;
    if (depth == 16) {
      [[unroll]] for (uint i = 0; i < 16; ++i) multiply(i);
      k = 16;
    }
    for (; k < depth; ++k) multiply(k);
  }
  // A copy: what follows may reach it by an index.
  vec4 value[8];
  [[unroll]] for (uint i = 0; i < 8; ++i) value[i] = sum[i];
  for (uint i = 0; i < 8; ++i) {
    if (row + row_of(i) < linear.rows)
      value[i] = finish(row + row_of(i), column_of(tile, i % 2), value[i]);
  }
  if (kTapped != 0) count_tile(row, tile, value);
}
