#version 460
// SPDX-License-Identifier: MIT
// Pass 0, a workgroup 16 queries of a head: the softmax's largest score and sum, left in scratch
// behind the marked tokens, the entropy, and what the marked tokens receive. Four lanes have a query:
// each every fourth key, counted from the sequence's first, so that neither the tile nor what else is
// in the chunk shows (law 2). Pass 1, a workgroup 64 keys of a head: each lane adds up what its key
// receives, from one query after the other. Both compute scores by tiles (lib/score_tile.glsl).
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(constant_id = 2) const uint kPass = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats q;
  SLOT(1) Floats k;
  SLOT(2) Ints offsets;
  SLOT(3) Floats bias;
  SLOT(4) Floats a;  // pass 0: entropy; pass 1: received
  SLOT(5) Floats chosen;
  PARAMS AttentionStatsParams p;
  SCRATCH Scratch scratch;
};

#define ATTENTION p.of
// Behind the marked tokens and the softmax of every query.
#define EXTRA_AT (p.of.sequences * p.marked + p.of.rows * p.of.heads * 2)
#include "lib/scores.glsl"
#include "lib/row_tiles.glsl"
#include "lib/query_shares.glsl"

uint softmax_at(uint row, uint head) {
  return p.of.sequences * p.marked + (row * p.of.heads + head) * 2;
}

shared Level level_of[kTileQueries];

void measure_queries(RowTile tile, uint head) {
  const uint own = own_query();
  const bool there = tile.row + own < tile.end;
  const uint row = min(tile.row + own, tile.end - 1);
  const Seen seen = seen_in(tile.sequence, row, head);
  const KeyBlocks blocks = blocks_seen(tile, head);
  float largest = uintBitsToFloat(0xff800000u);
  EACH_SEEN(largest = max(largest, score);)
  largest = share_max(largest);
  const bool sigmoid = has(TEPUI_ATTEND_SIGMOID);
  const float extra = extra_counts() ? extra_score(seen) : 0.0;
  if (extra_counts()) largest = max(largest, extra);
  precise float sum = 0;
  precise float weighted = 0;
  EACH_SEEN(
    const float weight = weight_of(score, largest);
    sum = sum + weight;
    precise float x = score - largest;
    precise float product = weight * max(x, -128.0);  // exp of less is 0: no weight, no term
    if (sigmoid) product = -entropy_term(weight);
    weighted = weighted + product;
  )
  sum = share_add(sum);
  weighted = share_add(weighted);
  if (extra_counts()) {
    precise float x = extra - largest;
    const float weight = weight_of(extra, largest);
    sum = sum + weight;
    precise float product = weight * max(x, -128.0);
    weighted = weighted + (sigmoid ? -entropy_term(weight) : product);
  }
  if (sigmoid) sum = 1;
  precise float change = 0;
  if (p.of.edits != 0 || clips()) {
    EACH_SEEN(
      if (!clips() && edits_of(key, head, kOfProbabilities) == 0) continue;
      const float before = weight_of(score, largest) / sum;
      precise float term = entropy_term(edited_probability(key, head, before));
      term = term - entropy_term(before);
      change = change + term;
    )
    change = share_add(change);
  }
  if (lane() % kShare == 0) {
    level_of[own] = Level(largest, sum);
    if (there) {
      precise float entropy = log(sum) - weighted / sum;
      entropy = entropy + change;
      a.v[row * p.of.heads + head] = entropy;
      scratch.v[softmax_at(row, head)] = floatBitsToUint(largest);
      scratch.v[softmax_at(row, head) + 1] = floatBitsToUint(sum);
    }
  }
  barrier();
  for (uint i = lane(); i < p.marked * kTileQueries; i += kTileLanes) {
    const uint r = i % kTileQueries;
    const uint m = i / kTileQueries;
    if (tile.row + r >= tile.end) continue;
    const Seen from = seen_in(tile.sequence, tile.row + r, head);
    const uint marked = scratch.v[tile.sequence * p.marked + m];
    const uint key = from.begin + marked;
    const bool sees = marked != NO_INDEX && key >= from.visible && key <= from.last;
    float probability = 0;
    if (sees) {
      probability = weight_of(score_of(from, key), level_of[r].largest) / level_of[r].sum;
      probability = edited_probability(key, head, probability);
    }
    chosen.v[((tile.row + r) * p.marked + m) * p.of.heads + head] = probability;
  }
}

shared uvec3 span_of[kTileQueries];  // Seen's visible, own and last

void measure_keys(RowTile tile, uint head) {
  const uint key = min(tile.row + lane(), tile.end - 1);
  const uint begin = uint(offsets.v[tile.sequence]);
  const uint end = end_of_queries(tile.sequence, tile.end - 1);
  Seen seen = seen_in(tile.sequence, tile.row, head);
  precise float all = 0;
  precise float early = 0;
  for (uint query = first_query(tile.sequence, tile.row); query < end; query += kTileQueries) {
    barrier();
    if (lane() < kTileQueries) {
      const uint row = min(query + lane(), end - 1);
      const Seen by = seen_in(tile.sequence, row, head);
      span_of[lane()] = uvec3(by.visible, by.own, by.last);
      const uint at = softmax_at(row, head);
      level_of[lane()] =
          Level(uintBitsToFloat(scratch.v[at]), uintBitsToFloat(scratch.v[at + 1]));
    }
    multiply_tile(rows_of_head(q, head, query, end - 1),
                  rows_of_channel(k, seen.channel, tile.row, tile.end - 1), 0);
    for (uint r = 0; r < kTileQueries && query + r < end; ++r) {
      seen.visible = span_of[r].x;
      seen.own = span_of[r].y;
      seen.last = span_of[r].z;
      if (key < seen.visible || key > seen.last) continue;
      const float score = score_at(r, lane(), seen, key);
      precise float probability = weight_of(score, level_of[r].largest) / level_of[r].sum;
      probability = edited_probability(key, head, probability);
      all = all + probability;
      if (query + r - begin < p.early) early = early + probability;
    }
  }
  if (tile.row + lane() >= tile.end) return;
  a.v[(key * p.of.heads + head) * 2] = all;
  a.v[(key * p.of.heads + head) * 2 + 1] = early;
}

void main() {
  const uint rows = kPass == 0 ? kTileQueries : kTileKeys;
  const uint index = group() / p.of.heads;
  if (index >= row_tiles(rows)) return;
  // First what takes longest: queries that see many keys, keys that many queries see.
  const RowTile tile = row_tile(kPass == 0 ? row_tiles(rows) - 1 - index : index, rows);
  if (tile.idle) return;
  if (kPass == 0) measure_queries(tile, group() % p.of.heads);
  else measure_keys(tile, group() % p.of.heads);
}
