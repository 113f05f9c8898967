#version 460
// SPDX-License-Identifier: MIT
// `linear` of many rows: rows of x and columns of the weights pass through shared memory, and a lane
// computes four rows of eight columns. Each element is one chain of multiply-adds in ascending k, as
// in linear.comp, whatever the tile (law 2). Where kNormed, x is what a norm reads, and its result
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
layout(constant_id = 4) const uint kDepth = 16;   // of what shared memory holds
#define RADIX_ROOM 1 + 2047 * kTapped
#define LARGEST_ROOM 1
const uint kVectors = 2 * kAcross;        // of a tile's row: a lane has one of each half
const uint kQuads = LANES / kAcross;      // of its rows
const uint kPitch = kQuads + 1;

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
shared uvec2 largest[1 + (4 * kQuads - 1) * kTapped];  // of each row

uint tiles_across() { return (linear.n + 4 * kVectors - 1) / (4 * kVectors); }

float element(uint row, uint k) {
  const float own = x.v[row * linear.k + k];
  if (kNormed == 0) return own;
  return normed(kNormed, own, residual, Floats(uvec2(offsets)), linear.rows, row, k);
}

float finish(uint row, uint n, float sum) {
  precise float value = sum;
  if (present(bias)) value = value + bias.v[n];
  if (linear.act != TEPUI_ACT_NONE) value = activate(linear.act, value);
  if (kNormed == 0 && present(residual)) value = residual.v[row * linear.n + n] + value;
  y.v[row * linear.n + n] = value;
  return value;
}

uint lane_across() { return lane() % kAcross; }
uint lane_quad() { return lane() / kAcross; }
uint column_of(uint tile, uint half_) {
  return 4 * (tile * kVectors + half_ * kAcross + lane_across());
}

// Counts what this workgroup wrote, from `row` on.
void count_tile(uint row, uint tile, vec4 value[8]) {
  const uint last_row = min(row + 4 * kQuads, linear.rows) - 1;
  const uvec2 own_sequences = sequences_of_rows(offsets, p.sequences, row, last_row + 1 - row);
  const uint first = own_sequences.x;
  const uint last = own_sequences.y;
  for (uint i = lane(); i < 4 * kQuads; i += LANES) largest[i] = uvec2(0, NO_INDEX);
  clear_coarse();
  uvec2 own[4];
  [[unroll]] for (uint r = 0; r < 4; ++r) {
    own[r] = uvec2(0, NO_INDEX);
    const uint at = row + 4 * lane_quad() + r;
    if (at > last_row) continue;
    const uint s = sequence_of_row(offsets, p.sequences, at);
    [[unroll]] for (uint c = 0; c < 8; ++c) {
      const uint n = column_of(tile, c / 4) + c % 4;
      if (n >= linear.n) continue;
      const uint bits = floatBitsToUint(value[2 * r + c / 4][c % 4]);
      const uvec2 one = uvec2(magnitude(bits), n);
      if (beats(one, own[r])) own[r] = one;
      if (ranks_per_sequence() == 0) continue;
      if (first == last) count_coarse(bits);
      else atomicAdd(scratch.v[coarse_at(s) + (magnitude(bits) >> 20)], 1);
    }
    atomicMax(largest[4 * lane_quad() + r].x, own[r].x);
  }
  barrier();
  [[unroll]] for (uint r = 0; r < 4; ++r) {  // the lowest index among equals
    const uint at = 4 * lane_quad() + r;
    if (own[r].y != NO_INDEX && own[r].x == largest[at].x) atomicMin(largest[at].y, own[r].y);
  }
  barrier();
  for (uint i = lane(); i < 4 * kQuads && row + i <= last_row; i += LANES) {
    const uint at = maximum_at(row + i, tile);
    scratch.v[at] = largest[i].x;
    scratch.v[at + 1] = largest[i].y;
  }
  if (ranks_per_sequence() == 0) return;
  if (first == last) merge_coarse(first);
  const uint rows = 4 * kQuads;
  for (uint s = first; s <= last; ++s) {
    if (rows_of(s) == 0) continue;
    const uint tiles = (first_row(s + 1) - 1) / rows - first_row(s) / rows + 1;
    radix_arrive(s, 0, tiles * tiles_across());
  }
}

void main() {
  const uint row = group() / tiles_across() * 4 * kQuads;
  const uint tile = group() % tiles_across();
  if (row >= linear.rows) return;
  const uint vectors = (linear.n + 3) / 4;
  const uint first = tile * kVectors / PANEL * PANEL;  // tiles divide a panel
  const uint width = panel_width(vectors, first);
  const uint base = panel_begin(vectors, first, linear.k) + tile * kVectors - first;
  const uint beyond = vectors - tile * kVectors - 1;  // lanes behind it compute and write nothing
  const uint loads = base + min(lane() % kVectors, beyond);  // kVectors divide LANES
  precise vec4 sum[8];
  [[unroll]] for (uint i = 0; i < 8; ++i) sum[i] = vec4(0);
  WeightScale scale;
  for (uint from = 0; from < linear.k; from += kDepth) {
    if (from % kScaled == 0) scale = weight_scale(weight, loads, width, from);
    const uint depth = min(kDepth, linear.k - from);
    barrier();
    for (uint e = lane(); e < 4 * kQuads * kDepth; e += LANES) {
      const uint r = e / kDepth;
      const uint k = e % kDepth;
      if (k < depth)
        room_x[k * kPitch + r / 4][r % 4] = element(min(row + r, linear.rows - 1), from + k);
    }
    for (uint e = lane(); e < depth * kVectors; e += LANES)
      room_w[e] = weight_vector(weight, loads, width, from + e / kVectors, scale);
    barrier();
    for (uint k = 0; k < depth; ++k) {
      const vec4 own = room_x[k * kPitch + lane_quad()];
      const vec4 left = room_w[k * kVectors + lane_across()];
      const vec4 right = room_w[k * kVectors + kAcross + lane_across()];
      [[unroll]] for (uint r = 0; r < 4; ++r) {
        sum[2 * r] = fma(vec4(own[r]), left, sum[2 * r]);
        sum[2 * r + 1] = fma(vec4(own[r]), right, sum[2 * r + 1]);
      }
    }
  }
  vec4 value[8];
  for (uint r = 0; r < 4 && row + 4 * lane_quad() + r < linear.rows; ++r) {
    for (uint c = 0; c < 8; ++c) {
      const uint n = column_of(tile, c / 4) + c % 4;
      if (n < linear.n)
        value[2 * r + c / 4][c % 4] =
            finish(row + 4 * lane_quad() + r, n, sum[2 * r + c / 4][c % 4]);
    }
  }
  if (kTapped != 0) count_tile(row, tile, value);
}
