#version 460
// SPDX-License-Identifier: MIT
// attention with an extra key, sigmoids, clipping or dropping (`form`, gamma, `drop`).
//
// A workgroup computes 16 queries of a head, or 128 channels of them: first each query's largest score
// and sum by tiles of 64 keys (lib/query_shares.glsl), then the same tiles' probabilities, and what
// they give of the values (lib/mixed_rows.glsl). Nothing depends on what else is in the chunk or on the
// keys that follow (laws 2 and 4). A window leaves out the blocks before the one in which it begins.
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats q;
  SLOT(1) Floats k;
  SLOT(2) Floats v;
  SLOT(3) Ints offsets;
  SLOT(4) Floats bias;
  SLOT(5) Floats y;
  PARAMS AttentionParams p;
  SCRATCH Scratch scratch;
};

#define ATTENTION p
#define EXTRA_AT 0
#include "lib/scores.glsl"
#include "lib/row_tiles.glsl"
#include "lib/query_shares.glsl"
#include "lib/mixed_rows.glsl"

shared float extra_of[kTileQueries];  // the extra key's probability

void main() {
  const uint part = group() % channel_parts();
  const uint head = group() / channel_parts() % p.heads;
  const uint index = group() / channel_parts() / p.heads;
  if (index >= row_tiles(kTileQueries)) return;
  // First the queries that see many keys, which take longest.
  const RowTile tile = row_tile(row_tiles(kTileQueries) - 1 - index, kTileQueries);
  if (tile.idle) return;
  const uint own = own_query();
  const uint row = min(tile.row + own, tile.end - 1);
  const Seen seen = seen_in(tile.sequence, row, head);
  const KeyBlocks blocks = blocks_seen(tile, head);
  const Level level = level_seen(tile, blocks, head, seen);
  if (has(TEPUI_ATTEND_EXTRA_VALUE) && lane() % kShare == 0)
    extra_of[own] = extra_probability(seen, level);
  const uint channel = first_channel(part);
  clear_mixed();
  for (uint first = blocks.start; first <= blocks.stop; first += kTileKeys) {
    multiply_block(tile, blocks, first, head, seen);
    for (uint j = lane() % kShare; j < kTileKeys; j += kShare) {
      const uint key = first + j;
      precise float probability = 0;
      if (key >= seen.visible && key <= seen.last) {
        probability = weight_of(score_at(own, j, seen, key), level.largest) / level.sum;
        probability = edited_probability(key, head, probability);
        probability = probability * kept(row * p.heads + head, key - seen.begin);
      }
      put_weight(j, own, probability);
    }
    mix_rows(rows_of_channel(v, seen.channel, first, blocks.stop), channel);
  }
  barrier();
  EACH_MIXED(
    if (tile.row + r >= tile.end) continue;
    if (has(TEPUI_ATTEND_EXTRA_VALUE))
      value = fma(extra_of[r], extra_value(seen.channel + d), value);
    y.v[((tile.row + r) * p.heads + head) * p.head_dim + d] = value;
  )
}
