#version 460
// SPDX-License-Identifier: MIT
// `linear` of few rows, where most of the time is that of reading weights: all lanes bring those of 32
// columns to shared memory, far ahead, and a lane computes one element of them: the chain of
// multiply-adds in ascending k of linear.comp (law 2).
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/weights.glsl"

layout(constant_id = 3) const uint kRows = 1;  // 1 or 4
const uint kLanes = 128;                       // LANES, written out
const uint kVectors = 8;                       // of columns
const uint kDepth = 128;                       // of what shared memory holds of k
const uint kLines = kLanes / kVectors;         // that the lanes load at a time
const uint kLoads = kDepth / kLines;
const uint kMostRows = 4;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats x;
  SLOT(1) uvec2 weight;
  SLOT(2) Floats bias;
  SLOT(3) Floats residual;
  SLOT(4) Floats y;
  PARAMS LinearParams p;
};

shared vec4 room_w[kDepth * kVectors];
shared float room_x[kRows * kDepth];

void finish(uint row, uint n, float sum) {
  precise float value = sum;
  if (present(bias)) value = value + bias.v[n];
  if (p.act != TEPUI_ACT_NONE) value = activate(p.act, value);
  if (present(residual)) value = residual.v[row * p.n + n] + value;
  y.v[row * p.n + n] = value;
}

uint tiles_across() { return (p.n + 4 * kVectors - 1) / (4 * kVectors); }

#define STORE_W(i)                                                                         \
  if (before + load_k + i * kLines < p.k) {                                                \
    if (kQuantised) scale = weight_scale(weight, loads, width, before + load_k + i * kLines); \
    room_w[lane() + i * kLanes] = weight_from(next_w[i], scale);                           \
  }

void main() {
  const uint row = group() / tiles_across() * kRows;
  const uint tile = group() % tiles_across();
  if (row >= p.rows) return;
  const uint vectors = (p.n + 3) / 4;
  const uint first = tile * kVectors / PANEL * PANEL;  // tiles divide a panel
  const uint width = panel_width(vectors, first);
  const uint base = panel_begin(vectors, first, p.k) + tile * kVectors - first;
  const uint beyond = vectors - tile * kVectors - 1;  // lanes behind it compute and write nothing
  const uint loads = base + min(lane() % kVectors, beyond);
  const uint load_k = lane() / kVectors;
  const uint own_row = lane() / (4 * kVectors);
  const uint own_column = lane() % (4 * kVectors);
  uvec4 next_w[kLoads];
  float next_x[kMostRows];
  WeightScale scale;
  float sum = 0;  // never but by fma: nothing to contract
  for (uint from = 0; from < p.k + kDepth; from += kDepth) {
    const uint before = from - kDepth;  // what was loaded in the round before
    if (from > 0) {
      barrier();
      STORE_W(0) STORE_W(1) STORE_W(2) STORE_W(3) STORE_W(4) STORE_W(5) STORE_W(6) STORE_W(7)
      [[unroll]] for (uint r = 0; r < kMostRows; ++r) {
        if (r < kRows) room_x[r * kDepth + lane()] = next_x[r];
      }
      barrier();
    }
    if (from < p.k) {
      [[unroll]] for (uint i = 0; i < kLoads; ++i) {
        const uint k = from + load_k + i * kLines;
        if (k < p.k) next_w[i] = weight_word(weight, loads, width, k);
      }
      [[unroll]] for (uint r = 0; r < kMostRows; ++r) {
        if (r < kRows && from + lane() < p.k)
          next_x[r] = x.v[min(row + r, p.rows - 1) * p.k + from + lane()];
      }
    }
    if (from == 0 || own_row >= kRows) continue;
    const uint depth = min(kDepth, p.k - before);
    uint k = 0;
    for (; k + 16 <= depth; k += 16) {
      [[unroll]] for (uint i = 0; i < 16; ++i)
        sum = fma(room_x[own_row * kDepth + k + i],
                  room_w[(k + i) * kVectors + own_column / 4][own_column % 4], sum);
    }
    for (; k < depth; ++k)
      sum = fma(room_x[own_row * kDepth + k],
                room_w[k * kVectors + own_column / 4][own_column % 4], sum);
  }
  const uint n = 4 * kVectors * tile + own_column;
  if (own_row < kRows && row + own_row < p.rows && n < p.n) finish(row + own_row, n, sum);
}
