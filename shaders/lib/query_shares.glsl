// SPDX-License-Identifier: MIT
// Sums and maxima over what the queries of a tile see, by tiles of scores: four lanes have a query,
// each every fourth key, counted from the sequence's first, so that neither the tile nor what else is
// in the chunk shows (law 2). Needs lib/scores.glsl and lib/row_tiles.glsl.
#include "lib/score_tile.glsl"

const uint kShare = 4;  // lanes of a query
uint own_query() { return lane() / kShare; }

// The keys that a tile's queries see: first rows of blocks of kTileKeys, and the last row.
struct KeyBlocks {
  uint start;
  uint stop;
};
KeyBlocks blocks_seen(RowTile tile, uint head) {
  const Seen first = seen_in(tile.sequence, tile.row, head);
  const uint start = first.begin + (first.visible - first.begin) / kTileKeys * kTileKeys;
  return KeyBlocks(start, seen_in(tile.sequence, tile.end - 1, head).last);
}

// The products of a tile with the block of keys from row `first` on.
void multiply_block(RowTile tile, KeyBlocks blocks, uint first, uint head, Seen seen) {
  multiply_tile(TileRows(tile.row, tile.end - 1, first, blocks.stop, head, seen.channel));
}

// Runs DO for each of the lane's keys that its query sees, with `key` and `score`.
#define EACH_SEEN(DO)                                                         \
  for (uint first = blocks.start; first <= blocks.stop; first += kTileKeys) { \
    multiply_block(tile, blocks, first, head, seen);                          \
    for (uint j = lane() % kShare; j < kTileKeys; j += kShare) {              \
      const uint key = first + j;                                             \
      if (key < seen.visible || key > seen.last) continue;                    \
      const float score = score_from(product_at(own_query(), j), seen, key);  \
      DO                                                                      \
    }                                                                         \
  }

shared float share_room[kTileLanes];

// Of the lanes that share a query. Every lane must call them.
float share_add(float x) {
  barrier();
  share_room[lane()] = x;
  barrier();
  const uint first = lane() / kShare * kShare;
  precise float low = share_room[first] + share_room[first + 1];
  precise float high = share_room[first + 2] + share_room[first + 3];
  precise float sum = low + high;
  return sum;
}
float share_max(float x) {
  barrier();
  share_room[lane()] = x;
  barrier();
  const uint first = lane() / kShare * kShare;
  float largest = share_room[first];
  for (uint i = 1; i < kShare; ++i) largest = max(largest, share_room[first + i]);
  return largest;
}
