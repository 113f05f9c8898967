// SPDX-License-Identifier: MIT
// Products of 16 rows of one matrix and 64 of another, of one head, left in shared memory by 64 lanes:
// each is one chain of multiply-adds in ascending channels, as in score_of of lib/scores.glsl. Slices
// of channels pass through shared memory; a lane computes four rows by four. What is read next is on
// its way while it does. Needs the parameters ATTENTION; TILE_PLANES products are kept.
#include "lib/channels.glsl"

const uint kTileLanes = 64;  // LANES, written out
const uint kTileShort = 16;  // rows
const uint kTileLong = 64;
const uint kTileSlice = 4;  // vectors of four channels
const uint kTilePitch = kTileSlice + 1;  // odd, so that rows lie in different banks
const uint kTileBrought = (kTileShort + kTileLong) * kTileSlice / kTileLanes;
const uint kProductsPitch = kTileLong + 1;

shared vec4 tile_room[(kTileShort + kTileLong) * kTilePitch];
shared float products[TILE_PLANES * kTileShort * kProductsPitch];

// Rows of a head: row r begins at element begin + r * pitch.
struct HeadRows {
  Floats from;
  uint begin;
  uint pitch;
  uint first;
  uint last;  // what is asked for behind it is this one
};

vec4 tile_next[kTileBrought];

void fetch_tile_by(bool vectors, HeadRows a, HeadRows b, uint from) {
  [[unroll]] for (uint i = 0; i < kTileBrought; ++i) {
    const uint e = i * kTileLanes + lane();
    const uint row = e / kTileSlice;
    const uint d = from + 4 * (e % kTileSlice);
    const bool of_a = row < kTileShort;
    const uint at_a = a.begin + min(a.first + row, a.last) * a.pitch;
    const uint at_b = b.begin + min(b.first + row - kTileShort, b.last) * b.pitch;
    const uvec2 rows = mix(uvec2(b.from), uvec2(a.from), bvec2(of_a));
    tile_next[i] = zero_behind(channels(rows, vectors, mix(at_b, at_a, of_a), d), d);
  }
}
void fetch_tile(HeadRows a, HeadRows b, uint from) {
  if (by_vectors(a.from) && by_vectors(b.from)) fetch_tile_by(true, a, b, from);
  else fetch_tile_by(false, a, b, from);
}

float product_at(uint plane, uint i, uint j) {
  return products[(plane * kTileShort + i) * kProductsPitch + j];
}

// Of rows a.first and on by rows b.first and on. Every lane must call it; between two calls all have
// read what they need of the first's before the second returns.
void multiply_tile(HeadRows a, HeadRows b, uint plane) {
  const uint i0 = lane() / 16 * 4;
  const uint j0 = lane() % 16;  // and every 16th
  float sum[16];                // never but by fma: nothing to contract
  [[unroll]] for (uint i = 0; i < 16; ++i) sum[i] = 0;
  fetch_tile(a, b, 0);
  for (uint from = 0; from < ATTENTION.head_dim; from += 4 * kTileSlice) {
    barrier();
    [[unroll]] for (uint i = 0; i < kTileBrought; ++i) {
      const uint e = i * kTileLanes + lane();
      tile_room[e / kTileSlice * kTilePitch + e % kTileSlice] = tile_next[i];
    }
    barrier();
    if (from + 4 * kTileSlice < ATTENTION.head_dim) fetch_tile(a, b, from + 4 * kTileSlice);
    [[unroll]] for (uint v = 0; v < kTileSlice; ++v) {
      vec4 y[4];
      [[unroll]] for (uint j = 0; j < 4; ++j)
        y[j] = tile_room[(kTileShort + j0 + 16 * j) * kTilePitch + v];
      [[unroll]] for (uint i = 0; i < 4; ++i) {
        const vec4 x = tile_room[(i0 + i) * kTilePitch + v];
        [[unroll]] for (uint j = 0; j < 4; ++j) {
          [[unroll]] for (uint c = 0; c < 4; ++c)
            sum[4 * i + j] = fma(x[c], y[j][c], sum[4 * i + j]);
        }
      }
    }
  }
  [[unroll]] for (uint i = 0; i < 4; ++i) {
    [[unroll]] for (uint j = 0; j < 4; ++j)
      products[(plane * kTileShort + i0 + i) * kProductsPitch + j0 + 16 * j] = sum[4 * i + j];
  }
  barrier();
}
