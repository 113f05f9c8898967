#version 460
// SPDX-License-Identifier: MIT
// Six passes (kPass), none of which keeps a score: each query's largest score, sum of weights and
// mean of dp, to scratch; dq, a workgroup 16 queries of a head; dk and dv, a workgroup 16 keys of a key
// head, over the queries that see them, head by head in their order; what the extra key and its value
// get, a workgroup a key head of a sequence. Scores and dp are computed by tiles
// (lib/score_tile.glsl), 64 keys or queries at a time, each sum is one chain over them
// (lib/mixed_rows.glsl) or as lib/query_shares.glsl has it (law 2).
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(constant_id = 2) const uint kPass = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats q;
  SLOT(1) Floats k;
  SLOT(2) Floats v;
  SLOT(3) Ints offsets;
  SLOT(4) Floats dz;
  SLOT(5) Floats y;
  PARAMS AttentionParams p;
  SCRATCH Scratch scratch;
};

#define ATTENTION p
#define EXTRA_AT (p.rows * p.heads * 3)
#define bias dz  // never read: there is no key bias
#include "lib/scores.glsl"
#include "lib/row_tiles.glsl"
#define TILE_PLANES 2  // scores before they are finished, and dp
#include "lib/query_shares.glsl"
#include "lib/mixed_rows.glsl"

// What pass 0 leaves of a query.
struct Prepared {
  Level level;
  float mean;
};
uint prepared_at(uint row, uint head) { return (row * p.heads + head) * 3; }
Prepared prepared(uint row, uint head) {
  const uint at = prepared_at(row, head);
  return Prepared(Level(uintBitsToFloat(scratch.v[at]), uintBitsToFloat(scratch.v[at + 1])),
                  uintBitsToFloat(scratch.v[at + 2]));
}

float probability(float score, Level level) {
  precise float weight = weight_of(score, level.largest) / level.sum;
  return weight;
}

// dw from dp: what clipping and dropping let through.
float passed(Seen at, uint row, uint head, uint key, float weight, float dp) {
  if (clips()) {
    precise float slope = 1.0 - p.gamma;
    dp = clipped(weight) > 0.0 ? dp * slope : 0.0;
  }
  return p.drop == 0 ? dp : dp * kept(row * p.heads + head, key - at.begin);
}

// The probability as the value meets it.
float met(Seen at, uint row, uint head, uint key, float weight) {
  if (clips()) weight = clipped(weight);
  return p.drop == 0 ? weight : weight * kept(row * p.heads + head, key - at.begin);
}

float ds_of_weight(float weight, float dw, float mean) {
  precise float away = dw - mean;
  precise float ds = has(TEPUI_ATTEND_SIGMOID) ? weight * (1.0 - weight) * dw : weight * away;
  return ds;
}

float ds_of(Seen at, uint row, uint head, uint key, float score, float dp, Prepared of) {
  const float weight = probability(score, of.level);
  return ds_of_weight(weight, passed(at, row, head, key, weight, dp), of.mean);
}

// dz of the query times the extra value.
float extra_dp(Seen at) {
  precise float sum = 0;
  if (!has(TEPUI_ATTEND_EXTRA_VALUE)) return sum;
  for (uint d = 0; d < p.head_dim; ++d)
    sum = fma(dz.v[at.query + d], extra_value(at.channel + d), sum);
  return sum;
}

float extra_ds(Seen at, Prepared of) {
  if (!extra_counts()) return 0.0;
  return ds_of_weight(extra_probability(at, of.level), extra_dp(at), of.mean);
}

// Both products of a tile of queries with the block of keys from row `first` on.
void multiply_both(RowTile tile, KeyBlocks blocks, uint first, uint head, Seen seen) {
  multiply_block(tile, blocks, first, head, seen);
  multiply_tile(rows_of_head(dz, head, tile.row, tile.end - 1),
                rows_of_channel(v, seen.channel, first, blocks.stop), 1);
}

void prepare_queries(RowTile tile, uint head) {
  const uint row = min(tile.row + own_query(), tile.end - 1);
  const Seen seen = seen_in(tile.sequence, row, head);
  const KeyBlocks blocks = blocks_seen(tile, head);
  const Level level = level_seen(tile, blocks, head, seen);
  precise float mean = 0;
  EACH_SEEN_BY(
    const float weight = weight_of(score, level.largest);
    const float share = changes_all() ? weight / level.sum : 0.0;
    const float dp = product_at(1, own_query(), j);
    mean = fma(weight, passed(seen, row, head, key, share, dp), mean);
  , multiply_both(tile, blocks, first, head, seen);)
  mean = share_add(mean);
  if (extra_counts())
    mean = fma(weight_of(extra_score(seen), level.largest), extra_dp(seen), mean);
  mean = mean / level.sum;
  if (lane() % kShare != 0 || tile.row + own_query() >= tile.end) return;
  const uint to = prepared_at(row, head);
  scratch.v[to] = floatBitsToUint(level.largest);
  scratch.v[to + 1] = floatBitsToUint(level.sum);
  scratch.v[to + 2] = floatBitsToUint(mean);
}

shared float extra_of[kTileQueries];  // the extra key's ds

void query_gradient(RowTile tile, uint head, uint channel) {
  const uint own = own_query();
  const uint row = min(tile.row + own, tile.end - 1);
  const Seen seen = seen_in(tile.sequence, row, head);
  const KeyBlocks blocks = blocks_seen(tile, head);
  const Prepared of = prepared(row, head);
  if (has(TEPUI_ATTEND_EXTRA_KEY) && lane() % kShare == 0) extra_of[own] = extra_ds(seen, of);
  for (uint first = blocks.start; first <= blocks.stop; first += kTileKeys) {
    multiply_both(tile, blocks, first, head, seen);
    for (uint j = lane() % kShare; j < kTileKeys; j += kShare) {
      const uint key = first + j;
      float ds = 0;
      if (key >= seen.visible && key <= seen.last)
        ds = ds_of(seen, row, head, key, score_at(own, j, seen, key), product_at(1, own, j), of);
      put_weight(j, own, ds);
    }
    mix_rows(rows_of_channel(k, seen.channel, first, blocks.stop), channel);
  }
  barrier();
  EACH_MIXED(
    if (tile.row + r >= tile.end) continue;
    if (has(TEPUI_ATTEND_EXTRA_KEY))
      value = fma(extra_of[r], uintBitsToFloat(scratch.v[EXTRA_AT + seen.channel + d]), value);
    y.v[((tile.row + r) * p.heads + head) * p.head_dim + d] = value * p.scale;
  )
}

// What 64 queries see, and what pass 0 left of them.
shared uvec2 span_of[kTileLong];  // visible and last
shared Prepared prepared_of[kTileLong];

// Tiles of 16 keys by 64 queries.
void key_gradient(RowTile tile, uint kv_head, uint channel) {
  const uint own = own_query();  // a key's place
  const uint key = min(tile.row + own, tile.end - 1);
  const uint group_ = p.heads / p.kv_heads;
  const uint begin = first_query(tile.sequence, tile.row);
  const uint end = end_of_queries(tile.sequence, tile.end - 1);
  for (uint h = 0; h < group_; ++h) {
    const uint head = kv_head * group_ + h;
    Seen seen = seen_in(tile.sequence, tile.row, head);
    for (uint query = begin; query < end; query += kTileLong) {
      barrier();
      const uint of_lane = min(query + lane(), end - 1);
      const Seen by = seen_in(tile.sequence, of_lane, head);
      span_of[lane()] = uvec2(by.visible, by.last);
      prepared_of[lane()] = prepared(of_lane, head);
      multiply_tile(rows_of_channel(k, seen.channel, tile.row, tile.end - 1),
                    rows_of_head(q, head, query, end - 1), 0);
      if (kPass == 2)
        multiply_tile(rows_of_channel(v, seen.channel, tile.row, tile.end - 1),
                      rows_of_head(dz, head, query, end - 1), 1);
      for (uint j = lane() % kShare; j < kTileLong; j += kShare) {
        const uint row = query + j;
        seen.visible = span_of[j].x;  // its own place is of use to biases alone
        seen.last = span_of[j].y;
        float weight = 0;
        if (row < end && key >= seen.visible && key <= seen.last) {
          const float score = score_at(own, j, seen, key);
          weight = kPass == 2
                       ? ds_of(seen, row, head, key, score, product_at(1, own, j), prepared_of[j])
                       : met(seen, row, head, key, probability(score, prepared_of[j].level));
        }
        put_weight(j, own, weight);
      }
      if (kPass == 2) mix_rows(rows_of_head(q, head, query, end - 1), channel);
      else mix_rows(rows_of_head(dz, head, query, end - 1), channel);
    }
  }
  EACH_MIXED(
    if (tile.row + r >= tile.end) continue;
    y.v[((tile.row + r) * p.kv_heads + kv_head) * p.head_dim + d] =
        value * (kPass == 2 ? p.scale : 1.0);
  )
}

// What the extra key (pass 4) or its value gets from a sequence: one result.
void extra_gradient(uint sequence, uint kv_head, uint channel) {
  const uint group_ = p.heads / p.kv_heads;
  const uint end = uint(offsets.v[sequence + 1]);
  const bool there = has(kPass == 4 ? TEPUI_ATTEND_EXTRA_KEY : TEPUI_ATTEND_EXTRA_VALUE);
  for (uint h = 0; there && h < group_; ++h) {
    const uint head = kv_head * group_ + h;
    for (uint first = uint(offsets.v[sequence]); first < end; first += kTileLong) {
      const uint row = first + lane();
      float weight = 0.0;
      if (row < end) {
        const Seen at = seen_in(sequence, row, head);
        const Prepared of = prepared(row, head);
        weight = kPass == 4 ? extra_ds(at, of) : extra_probability(at, of.level);
      }
      barrier();
      put_only_weight(lane(), weight);
      if (kPass == 4) mix_rows(rows_of_head(q, head, first, end - 1), channel);
      else mix_rows(rows_of_head(dz, head, first, end - 1), channel);
    }
  }
  EACH_MIXED(
    if (r != 0) continue;
    y.v[(sequence * p.kv_heads + kv_head) * p.head_dim + d] =
        value * (kPass == 4 ? p.scale : 1.0);
  )
}

void main() {
  // Pass 0 sums over whole heads.
  const uint parts = kPass == 0 ? 1 : channel_parts();
  const uint channel = first_channel(group() % parts);
  const uint heads = kPass < 2 ? p.heads : p.kv_heads;
  const uint head = group() / parts % heads;
  const uint index = group() / parts / heads;
  clear_mixed();
  if (kPass >= 4) {
    if (index < p.sequences) extra_gradient(index, head, channel);
    return;
  }
  if (index >= row_tiles(kTileShort)) return;
  // First what takes longest: queries that see many keys, keys that many queries see.
  const RowTile tile = row_tile(kPass < 2 ? row_tiles(kTileShort) - 1 - index : index, kTileShort);
  if (tile.idle) return;
  if (kPass == 0) prepare_queries(tile, head);
  else if (kPass == 1) query_gradient(tile, head, channel);
  else key_gradient(tile, head, channel);
}
