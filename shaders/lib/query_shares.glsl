// SPDX-License-Identifier: MIT
// Sums and maxima over what the queries of a tile see, by tiles of scores: four lanes have a query,
// each every fourth key, counted from the sequence's first, so that neither the tile nor what else is
// in the chunk shows (law 2). Needs q, k, lib/scores.glsl and lib/row_tiles.glsl.
#ifndef TILE_PLANES
#define TILE_PLANES 1
#endif
#include "lib/score_tile.glsl"

const uint kTileQueries = kTileShort;
const uint kTileKeys = kTileLong;
const uint kShare = 4;  // lanes of a query
uint own_query() { return lane() / kShare; }

// The keys that a tile's queries see: the row that their first block of kTileKeys begins with, and
// the last row.
struct KeyBlocks {
  uint start;
  uint stop;
};
KeyBlocks blocks_seen(RowTile tile, uint head) {
  const Seen first = seen_in(tile.sequence, tile.row, head);
  const uint start = first.begin + (first.visible - first.begin) / kTileKeys * kTileKeys;
  return KeyBlocks(start, seen_in(tile.sequence, tile.end - 1, head).last);
}

// Rows [first, last] of q or what is like it, and of k or v, whose `channel` is Seen's.
HeadRows rows_of_head(Floats from, uint head, uint first, uint last) {
  const uint width = ATTENTION.heads * ATTENTION.head_dim;
  return HeadRows(from, head * ATTENTION.head_dim, width, first, last);
}
HeadRows rows_of_channel(Floats from, uint channel, uint first, uint last) {
  const uint begin = row_of_keys(0, channel);
  return HeadRows(from, begin, row_of_keys(1, channel) - begin, first, last);
}

// The products of a tile with the block of keys from row `first` on.
void multiply_block(RowTile tile, KeyBlocks blocks, uint first, uint head, Seen seen) {
  multiply_tile(rows_of_head(q, head, tile.row, tile.end - 1),
                rows_of_channel(k, seen.channel, first, blocks.stop), 0);
}
float score_at(uint query, uint j, Seen seen, uint key) {
  return score_from(product_at(0, query, j), seen, key);
}

// Runs DO for each of the lane's keys that its query sees, with `key`, its place `j` in the block and
// `score`.
#define EACH_SEEN_BY(DO, MULTIPLY)                                            \
  for (uint first = blocks.start; first <= blocks.stop; first += kTileKeys) { \
    MULTIPLY                                                                  \
    for (uint j = lane() % kShare; j < kTileKeys; j += kShare) {              \
      const uint key = first + j;                                             \
      if (key < seen.visible || key > seen.last) continue;                    \
      const float score = score_at(own_query(), j, seen, key);                \
      DO                                                                      \
    }                                                                         \
  }
#define EACH_SEEN(DO) EACH_SEEN_BY(DO, multiply_block(tile, blocks, first, head, seen);)

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

// The largest score of the lane's query, and the sum of its weights, the extra key's among them where
// it counts. A lane has a running maximum of its own keys. Of sigmoids 0 and 1.
Level level_seen(RowTile tile, KeyBlocks blocks, uint head, Seen seen) {
  if (has(TEPUI_ATTEND_SIGMOID)) return Level(0, 1);
  float largest = uintBitsToFloat(0xff800000u);
  precise float sum = 0;
  EACH_SEEN(
    precise float less = score > largest ? largest - score : score - largest;
    const float weight = exp_of(less);
    sum = score > largest ? fma(sum, weight, 1.0) : sum + weight;
    largest = max(largest, score);
  )
  float most = share_max(largest);
  precise float own = sum * exp_of(largest - most);
  sum = share_add(own);
  if (extra_counts()) {
    const float score = extra_score(seen);
    const float next = max(most, score);
    precise float shrink = most - next;
    precise float more = score - next;
    sum = fma(sum, exp_of(shrink), exp_of(more));
    most = next;
  }
  return Level(most, sum);
}
