// SPDX-License-Identifier: MIT
// A linear layer of few rows, where most of the time is that of reading weights: all lanes bring those
// of a few columns to shared memory, far ahead and without branches, which loads would wait for; and a
// lane computes one element of them: the chain of multiply-adds in ascending k of linear.comp (law 2).
// Quantised columns are narrow: more of them are 32 bytes of a line.

layout(constant_id = 3) const uint kRows = 1;      // 1 or 4
const uint kLanes = 128;                           // LANES, written out
const uint kLoads = 8;                             // vectors of four columns that a lane brings
const uint kVectors = kQuantised ? 8 : 4;          // of a line
const uint kLines = kLanes / kVectors;             // that the lanes load at a time
const uint kDepth = kLoads * kLines;               // of what shared memory holds of k
const uint kScales = kDepth / kScaled * kVectors;  // of it, at most one for a lane
const uint kMostX = 8;                             // elements of x that a lane brings: 4 rows
const uint kLoadsX = kRows * kDepth / kLanes;

shared vec4 room_w[kDepth * kVectors];
shared vec4 room_x[kRows * kDepth / 4];
shared WeightScale room_scale[kQuantised ? kScales : 1];

float load_x(uint r, uint k);  // of the rows of this workgroup

uint tiles_across(uint n) { return (n + 4 * kVectors - 1) / (4 * kVectors); }
uint own_row() { return lane() / (4 * kVectors); }
uint own_column() { return lane() % (4 * kVectors); }

#define STORE_W(i)                                                                \
  if (kQuantised) {                                                               \
    const uint block = (load_k + i * kLines) / kScaled;                           \
    scale = room_scale[block * kVectors + lane() % kVectors];                     \
  }                                                                               \
  room_w[lane() + i * kLanes] = weight_from(next_w[i], scale);

// This lane's element; the matrix, n by depth_k, begins so many vectors behind `weight`.
float few_product(uvec2 weight, uint matrix, uint n, uint depth_k, uint tile) {
  const uint vectors = (n + 3) / 4;
  const uint first = tile * kVectors / PANEL * PANEL;  // tiles divide a panel
  const uint width = panel_width(vectors, first);
  const uint base = matrix + panel_begin(vectors, first, depth_k) + tile * kVectors - first;
  const uint beyond = vectors - tile * kVectors - 1;  // lanes behind it compute and write nothing
  const uint loads = base + min(lane() % kVectors, beyond);
  const uint load_k = lane() / kVectors;
  const uint scale_k = lane() % kScales / kVectors * kScaled;
  const uint last = depth_k - 1;  // what is read behind it is not used
  uvec4 next_w[kLoads];
  float next_x[kMostX];
  ScaleWords next_scale;
  WeightScale scale = WeightScale(vec4(1), vec4(0));
  float sum = 0;  // never but by fma: nothing to contract
  for (uint from = 0; from < depth_k + kDepth; from += kDepth) {
    const uint before = from - kDepth;  // what was loaded in the round before
    if (from > 0) {
      barrier();
      if (kQuantised) {
        if (lane() < kScales) room_scale[lane()] = scale_from(next_scale, before + scale_k);
        barrier();
      }
      STORE_W(0) STORE_W(1) STORE_W(2) STORE_W(3) STORE_W(4) STORE_W(5) STORE_W(6) STORE_W(7)
      [[unroll]] for (uint i = 0; i < kMostX; ++i) {
        const uint e = i * kLanes + lane();
        if (i < kLoadsX) room_x[e / 4][e % 4] = next_x[i];
      }
      barrier();
    }
    if (from < depth_k) {
      [[unroll]] for (uint i = 0; i < kLoads; ++i)
        next_w[i] = weight_word(weight, loads, width, min(from + load_k + i * kLines, last));
      if (kQuantised) next_scale = scale_words(weight, loads, width, min(from + scale_k, last));
      [[unroll]] for (uint i = 0; i < kMostX; ++i) {
        const uint e = i * kLanes + lane();
        if (i < kLoadsX) next_x[i] = load_x(e / kDepth, min(from + e % kDepth, last));
      }
    }
    if (from == 0 || own_row() >= kRows) continue;
    const uint depth = min(kDepth, depth_k - before);
    const uint rows = own_row() * kDepth / 4;
    uint k = 0;
    for (; k + 16 <= depth; k += 16) {
      [[unroll]] for (uint i = 0; i < 16; ++i)
        sum = fma(room_x[rows + k / 4 + i / 4][i % 4],
                  room_w[(k + i) * kVectors + own_column() / 4][own_column() % 4], sum);
    }
    for (; k < depth; ++k)
      sum = fma(room_x[rows + k / 4][k % 4],
                room_w[k * kVectors + own_column() / 4][own_column() % 4], sum);
  }
  return sum;
}
