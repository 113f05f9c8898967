// SPDX-License-Identifier: MIT
// Products of 16 queries and 64 keys of one head, left in shared memory by 64 lanes: each is one chain
// of multiply-adds in ascending channels, as in score_of of lib/scores.glsl. Slices of channels pass
// through shared memory; a lane computes four queries by four keys. What is read next is on its way
// while it does. Needs q, k and the parameters ATTENTION.
#include "lib/channels.glsl"

const uint kTileLanes = 64;  // LANES, written out
const uint kTileQueries = 16;
const uint kTileKeys = 64;
const uint kTileSlice = 4;  // vectors of four channels
const uint kTilePitch = kTileSlice + 1;  // odd, so that rows lie in different banks
const uint kTileBrought = (kTileQueries + kTileKeys) * kTileSlice / kTileLanes;
const uint kProductsPitch = kTileKeys + 1;

shared vec4 tile_room[(kTileQueries + kTileKeys) * kTilePitch];
shared float products[kTileQueries * kProductsPitch];

struct TileRows {
  uint query;  // the first
  uint last_query;
  uint key;
  uint last_key;
  uint head;
  uint channel;  // Seen's
};

vec4 tile_next[kTileBrought];

void fetch_tile_by(bool vectors, TileRows at, uint from) {
  [[unroll]] for (uint i = 0; i < kTileBrought; ++i) {
    const uint e = i * kTileLanes + lane();
    const uint row = e / kTileSlice;
    const uint d = from + 4 * (e % kTileSlice);
    const bool of_queries = row < kTileQueries;
    const uint query =
        (min(at.query + row, at.last_query) * ATTENTION.heads + at.head) * ATTENTION.head_dim;
    const uint key = row_of_keys(min(at.key + row - kTileQueries, at.last_key), at.channel);
    const uvec2 rows = mix(uvec2(k), uvec2(q), bvec2(of_queries));
    tile_next[i] = zero_behind(channels(rows, vectors, mix(key, query, of_queries), d), d);
  }
}
void fetch_tile(TileRows at, uint from) {
  if (by_vectors(q) && by_vectors(k)) fetch_tile_by(true, at, from);
  else fetch_tile_by(false, at, from);
}

float product_at(uint query, uint key) { return products[query * kProductsPitch + key]; }

// Of the rows from at.query and at.key on; those behind the last are others. Every lane must call it;
// between two calls all have read what they need of the first's before the second returns.
void multiply_tile(TileRows at) {
  const uint a0 = lane() / 16 * 4;
  const uint b0 = lane() % 16;  // keys b0, b0 + 16, ...
  float sum[16];                // never but by fma: nothing to contract
  [[unroll]] for (uint i = 0; i < 16; ++i) sum[i] = 0;
  fetch_tile(at, 0);
  for (uint from = 0; from < ATTENTION.head_dim; from += 4 * kTileSlice) {
    barrier();
    [[unroll]] for (uint i = 0; i < kTileBrought; ++i) {
      const uint e = i * kTileLanes + lane();
      tile_room[e / kTileSlice * kTilePitch + e % kTileSlice] = tile_next[i];
    }
    barrier();
    if (from + 4 * kTileSlice < ATTENTION.head_dim) fetch_tile(at, from + 4 * kTileSlice);
    [[unroll]] for (uint v = 0; v < kTileSlice; ++v) {
      vec4 key[4];
      [[unroll]] for (uint b = 0; b < 4; ++b)
        key[b] = tile_room[(kTileQueries + b0 + 16 * b) * kTilePitch + v];
      [[unroll]] for (uint a = 0; a < 4; ++a) {
        const vec4 query = tile_room[(a0 + a) * kTilePitch + v];
        [[unroll]] for (uint b = 0; b < 4; ++b) {
          [[unroll]] for (uint c = 0; c < 4; ++c)
            sum[4 * a + b] = fma(query[c], key[b][c], sum[4 * a + b]);
        }
      }
    }
  }
  [[unroll]] for (uint a = 0; a < 4; ++a) {
    [[unroll]] for (uint b = 0; b < 4; ++b)
      products[(a0 + a) * kProductsPitch + b0 + 16 * b] = sum[4 * a + b];
  }
  barrier();
}
