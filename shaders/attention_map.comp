#version 460
// SPDX-License-Identifier: MIT
// A workgroup 16 rows: their scores and probabilities by tiles (lib/query_shares.glsl), one head
// after the other. A lane adds to the cells of its own keys alone.
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats q;
  SLOT(1) Floats k;
  SLOT(2) Ints offsets;
  SLOT(3) Floats bias;
  SLOT(4) Floats score;
  SLOT(5) Floats probability;
  PARAMS AttentionMapParams p;
  SCRATCH Scratch scratch;
};

#define ATTENTION p.of
#define EXTRA_AT 0
#include "lib/scores.glsl"
#include "lib/row_tiles.glsl"
#include "lib/query_shares.glsl"

uint tokens_of(uint s) { return min(uint(offsets.v[s + 1]) - uint(offsets.v[s]), p.tokens); }

void main() {
  if (group() >= row_tiles(kTileQueries)) return;
  const RowTile tile = row_tile(group(), kTileQueries);
  if (tile.idle) return;
  const uint s = tile.sequence;
  const uint begin = uint(offsets.v[s]);
  const uint tokens = tokens_of(s);
  if (tile.row - begin >= tokens) return;
  const uint row = min(tile.row + own_query(), tile.end - 1);
  const bool there = tile.row + own_query() < tile.end && row - begin < tokens;
  uint cell = (row - begin) * tokens;
  for (uint i = 0; i < s; ++i) cell += tokens_of(i) * tokens_of(i);
  const float nothing = uintBitsToFloat(0xff800000u);
  const float heads = float(p.count);
  for (uint head = p.first; head < p.first + p.count; ++head) {
    const Seen seen = seen_in(s, row, head);
    const KeyBlocks blocks = blocks_seen(tile, head);
    float largest = nothing;
    EACH_SEEN(largest = max(largest, score);)
    largest = share_max(largest);
    const float extra = extra_counts() ? extra_score(seen) : nothing;
    if (extra_counts()) largest = max(largest, extra);
    precise float sum = 0;
    EACH_SEEN(
      precise float x = score - largest;
      sum = sum + exp_of(x);
    )
    sum = share_add(sum);
    if (extra_counts()) sum = sum + exp_of(extra - largest);
    if (has(TEPUI_ATTEND_SIGMOID)) sum = 1;
    for (uint first = begin; first < begin + tokens; first += kTileKeys) {
      const bool seen_by_any = first >= blocks.start && first <= blocks.stop;
      if (seen_by_any) multiply_block(tile, blocks, first, head, seen);
      for (uint j = lane() % kShare; there && j < kTileKeys && first + j < begin + tokens;
           j += kShare) {
        const uint key = first + j;
        const bool sees = key >= seen.visible && key <= seen.last;
        precise float value = sees ? score_at(own_query(), j, seen, key) : nothing;
        precise float share =
            sees ? edited_probability(key, head, weight_of(value, largest) / sum) : 0.0;
        const uint at = cell + key - begin;
        if (head != p.first) {
          value = score.v[at] + value;
          share = probability.v[at] + share;
        }
        const bool last = head + 1 == p.first + p.count;
        score.v[at] = last ? value / heads : value;
        probability.v[at] = last ? share / heads : share;
      }
    }
  }
}
