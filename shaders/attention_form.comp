#version 460
// SPDX-License-Identifier: MIT
// attention with an extra key, sigmoids, clipping or dropping (`form`, gamma, `drop`).
//
// A workgroup computes 16 queries of a head, or 128 channels of them: first each query's largest score
// and sum by tiles of 64 keys (lib/query_shares.glsl), then the same tiles' probabilities, and what
// they give of the values, each one chain over the keys. Nothing depends on what else is in the chunk
// or on the keys that follow (laws 2 and 4): a key whose probability is 0 adds nothing, whatever its
// value. A window leaves out the blocks before the one in which it begins.
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

const uint kChannels = 2;  // of a lane, kTileLanes apart
const uint kFours = kTileQueries / 4;

shared vec4 weights[kTileKeys * kFours];  // of each key, by query
shared float extra_of[kTileQueries];      // the extra key's probability

// The largest score of the lane's query, and the sum of its weights. A lane has a running maximum of
// its own keys.
Level level_of(RowTile tile, KeyBlocks blocks, uint head, Seen seen) {
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

vec4 mixed[kChannels * kFours];  // never but by fma: nothing to contract

void mix_values(uint first, uint stop, uint channel, uint from) {
  for (uint j4 = 0; j4 < kTileKeys && first + j4 <= stop; j4 += 4) {
    float value[4 * kChannels];
    [[unroll]] for (uint j = 0; j < 4; ++j) {
      const uint at = row_of_keys(min(first + j4 + j, stop), channel);
      [[unroll]] for (uint c = 0; c < kChannels; ++c)
        value[j * kChannels + c] = v.v[at + min(from + c * kTileLanes, p.head_dim - 1)];
    }
    [[unroll]] for (uint j = 0; j < 4; ++j) {
      [[unroll]] for (uint i = 0; i < kFours; ++i) {
        const vec4 weight = weights[(j4 + j) * kFours + i];
        const bvec4 adds = notEqual(weight, vec4(0));
        [[unroll]] for (uint c = 0; c < kChannels; ++c) {
          const uint m = c * kFours + i;
          mixed[m] = mix(mixed[m], fma(weight, vec4(value[j * kChannels + c]), mixed[m]), adds);
        }
      }
    }
  }
}

void main() {
  const uint parts = (p.head_dim + kChannels * kTileLanes - 1) / (kChannels * kTileLanes);
  const uint part = group() % parts;
  const uint head = group() / parts % p.heads;
  const uint index = group() / parts / p.heads;
  if (index >= row_tiles(kTileQueries)) return;
  // First the queries that see many keys, which take longest.
  const RowTile tile = row_tile(row_tiles(kTileQueries) - 1 - index, kTileQueries);
  if (tile.idle) return;
  const uint own = own_query();
  const uint row = min(tile.row + own, tile.end - 1);
  const Seen seen = seen_in(tile.sequence, row, head);
  const KeyBlocks blocks = blocks_seen(tile, head);
  Level level = Level(0, 1);
  if (!has(TEPUI_ATTEND_SIGMOID)) level = level_of(tile, blocks, head, seen);
  if (has(TEPUI_ATTEND_EXTRA_VALUE) && lane() % kShare == 0)
    extra_of[own] = extra_probability(seen, level);
  const uint from = part * kChannels * kTileLanes + lane();  // the lane's first channel
  [[unroll]] for (uint i = 0; i < kChannels * kFours; ++i) mixed[i] = vec4(0);
  for (uint first = blocks.start; first <= blocks.stop; first += kTileKeys) {
    multiply_block(tile, blocks, first, head, seen);
    for (uint j = lane() % kShare; j < kTileKeys; j += kShare) {
      const uint key = first + j;
      precise float probability = 0;
      if (key >= seen.visible && key <= seen.last) {
        const float score = score_from(product_at(own, j), seen, key);
        probability = weight_of(score, level.largest) / level.sum;
        probability = edited_probability(key, head, probability);
        probability = probability * kept(row * p.heads + head, key - seen.begin);
      }
      weights[j * kFours + own / 4][own % 4] = probability;
    }
    barrier();
    mix_values(first, blocks.stop, seen.channel, from);
  }
  barrier();
  [[unroll]] for (uint c = 0; c < kChannels; ++c) {
    const uint d = from + c * kTileLanes;
    [[unroll]] for (uint r = 0; r < kTileQueries; ++r) {
      if (d >= p.head_dim || tile.row + r >= tile.end) continue;
      float value = mixed[c * kFours + r / 4][r % 4];
      if (has(TEPUI_ATTEND_EXTRA_VALUE))
        value = fma(extra_of[r], extra_value(seen.channel + d), value);
      y.v[((tile.row + r) * p.heads + head) * p.head_dim + d] = value;
    }
  }
}
