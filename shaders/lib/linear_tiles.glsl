// SPDX-License-Identifier: MIT
// A tile of a linear layer of many rows: rows of x and columns of the weights pass through shared
// memory, and a lane computes four rows of eight columns. What the next round multiplies is loaded
// while this one does. Each element is one chain of multiply-adds in ascending k, as in linear.comp,
// whatever the tile (law 2). Arrays are as long as any tile needs and reached by loops of a length
// that is written out: compilers put those whose length is a specialization constant, or that are
// reached by an index, into memory.

layout(constant_id = 3) const uint kAcross = 16;  // lanes
layout(constant_id = 4) const uint kDepth = 16;   // of what shared memory holds; 8 or 16
const uint kVectors = 2 * kAcross;        // of a tile's row: a lane has one of each half
const uint kQuads = LANES / kAcross;      // of its rows
const uint kRows = 4 * kQuads;
const uint kPitch = kQuads + 1;
// What a lane loads for a round: 32 rows of x by 64 lanes, or 64 by 256; of the weights likewise.
const uint kLoadsX = 8;
const uint kLoadsW = 4;
const uint kStepX = LANES / kDepth;     // rows from one to the next, which divide the tile's
const uint kStepW = LANES / kVectors;

shared vec4 room_x[kDepth * kPitch];
shared vec4 room_w[kDepth * kVectors];

// What this lane brings of x: an element of the i-th of its rows, and what it is once it is stored,
// which is all that may reckon with it: what is loaded next would wait for it. load_shared loads
// what the elements of column k share.
float load_x(uint i, uint k);
float stored_x(uint i, float x);
void load_shared(uint k);

uint tiles_across(uint n) { return (n + 4 * kVectors - 1) / (4 * kVectors); }
uint lane_across() { return lane() % kAcross; }
uint lane_quad() { return lane() / kAcross; }
uint column_of(uint tile, uint half_) {
  return 4 * (tile * kVectors + half_ * kAcross + lane_across());
}
// The row of a lane's i-th vector, of two halves of four rows.
uint row_of(uint i) { return 4 * lane_quad() + i / 2; }
// That which the i-th element of x that a lane brings is of.
uint row_brought(uint i) { return lane() / kDepth + i * kStepX; }

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

// As many as kLoadsX and kLoadsW say. Nothing that is loaded stands behind a branch.
#define LOAD_X(i) \
  if (i * kStepX < kRows) next_x[i] = load_x(i, min(from + load_k, last));
#define STORE_X(i)                                                                     \
  if (i * kStepX < kRows) {                                                            \
    const uint r = row_brought(i);                                                     \
    room_x[load_k * kPitch + r / 4][r % 4] = stored_x(i, next_x[i]);                   \
  }
#define LOAD_W(i)          \
  if (i * kStepW < kDepth) \
    next_w[i] = weight_word(weight, loads, width, min(from + load_w + i * kStepW, last));
#define STORE_W(i) \
  if (i * kStepW < kDepth) room_w[lane() + i * LANES] = weight_from(next_w[i], scale);

// The sums of a tile of columns; the matrix, n by depth_k, begins so many vectors behind `weight`.
void multiply_tile(uvec2 weight, uint matrix, uint n, uint depth_k, uint tile) {
  const uint vectors = (n + 3) / 4;
  const uint first = tile * kVectors / PANEL * PANEL;  // tiles divide a panel
  const uint width = panel_width(vectors, first);
  const uint base = matrix + panel_begin(vectors, first, depth_k) + tile * kVectors - first;
  const uint beyond = vectors - tile * kVectors - 1;  // lanes behind it compute and write nothing
  const uint loads = base + min(lane() % kVectors, beyond);  // kVectors divide LANES
  // This lane loads column load_k of its rows; and row load_w and on of the weights.
  const uint load_k = lane() % kDepth;
  const uint load_w = lane() / kVectors;
  const uint last = depth_k - 1;  // what is read behind it is not used
  [[unroll]] for (uint i = 0; i < 8; ++i) sum[i] = vec4(0);
  float next_x[kLoadsX];
  uvec4 next_w[kLoadsW];
  ScaleWords next_scale;
  WeightScale scale = WeightScale(vec4(1), vec4(0));
  for (uint from = 0; from < depth_k + kDepth; from += kDepth) {
    // Of the round before: `from` is what is loaded now.
    if (from > 0) {
      const uint before = from - kDepth;
      if (kQuantised && before % kScaled == 0) scale = scale_from(next_scale, before);
      barrier();
      STORE_X(0) STORE_X(1) STORE_X(2) STORE_X(3) STORE_X(4) STORE_X(5) STORE_X(6) STORE_X(7)
      STORE_W(0) STORE_W(1) STORE_W(2) STORE_W(3)
      barrier();
    }
    if (from < depth_k) {
      if (kQuantised && from % kScaled == 0) next_scale = scale_words(weight, loads, width, from);
      LOAD_X(0) LOAD_X(1) LOAD_X(2) LOAD_X(3) LOAD_X(4) LOAD_X(5) LOAD_X(6) LOAD_X(7)
      load_shared(min(from + load_k, last));
      LOAD_W(0) LOAD_W(1) LOAD_W(2) LOAD_W(3)
    }
    if (from == 0) continue;
    const uint depth = min(kDepth, depth_k - (from - kDepth));
    uint k = 0;
    if (depth == 16) {
      [[unroll]] for (uint i = 0; i < 16; ++i) multiply(i);
      k = 16;
    }
    for (; k < depth; ++k) multiply(k);
  }
}
