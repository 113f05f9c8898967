#version 460
// SPDX-License-Identifier: MIT
// Six passes (kPass), none of which keeps a score: each query's largest score, sum of weights and
// mean of dp, to scratch; dq, a workgroup a head of a row; dk and dv, a workgroup a key head of a
// row, over the queries that see it, head by head in their order; what the extra key and its value
// get, a workgroup a key head of a sequence. Blocks of LANES keys or queries
// count from the sequence's first row or from the key itself (law 2).
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/reduce.glsl"

layout(constant_id = 1) const uint kPerLane = 1;  // channels of a head, over LANES
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

shared float weights[LANES];

float of_query(uint row, uint head, uint i) {
  return uintBitsToFloat(scratch.v[(row * p.heads + head) * 3 + i]);
}

// dz of the query times the value of the key.
float dp_of(Seen at, uint key) {
  const uint from = key * p.kv_heads * p.head_dim + at.channel;
  precise float sum = 0;
  uint d = 0;
  for (; d + 4 <= p.head_dim; d += 4) {
    [[unroll]] for (uint i = 0; i < 4; ++i)
      sum = fma(dz.v[at.query + d + i], v.v[from + d + i], sum);
  }
  for (; d < p.head_dim; ++d) sum = fma(dz.v[at.query + d], v.v[from + d], sum);
  return sum;
}

Level level_of(uint row, uint head) {
  return Level(of_query(row, head, 0), of_query(row, head, 1));
}

float probability(Seen at, uint row, uint head, uint key) {
  const Level level = level_of(row, head);
  precise float weight = weight_of(score_of(at, key), level.largest);
  weight = weight / level.sum;
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
float met(Seen at, uint row, uint head, uint key) {
  float weight = probability(at, row, head, key);
  if (clips()) weight = clipped(weight);
  return p.drop == 0 ? weight : weight * kept(row * p.heads + head, key - at.begin);
}

float ds_of_weight(float weight, float dw, float mean) {
  precise float away = dw - mean;
  precise float ds = has(TEPUI_ATTEND_SIGMOID) ? weight * (1.0 - weight) * dw : weight * away;
  return ds;
}

float ds_of(Seen at, uint row, uint head, uint key) {
  const float weight = probability(at, row, head, key);
  const float dw = passed(at, row, head, key, weight, dp_of(at, key));
  return ds_of_weight(weight, dw, of_query(row, head, 2));
}

// dz of the query times the extra value.
float extra_dp(Seen at) {
  precise float sum = 0;
  if (!has(TEPUI_ATTEND_EXTRA_VALUE)) return sum;
  for (uint d = 0; d < p.head_dim; ++d)
    sum = fma(dz.v[at.query + d], extra_value(at.channel + d), sum);
  return sum;
}

float extra_ds(Seen at, uint row, uint head) {
  if (!extra_counts()) return 0.0;
  const float weight = extra_probability(at, level_of(row, head));
  return ds_of_weight(weight, extra_dp(at), of_query(row, head, 2));
}

void prepare_query(uint row, uint head) {
  const Seen at = seen_by(row, head);
  const float nothing = uintBitsToFloat(0xff800000u);
  float largest = nothing;
  for (uint key = at.visible + lane(); key <= at.last; key += LANES)
    largest = max(largest, score_of(at, key));
  largest = reduce_max(largest);
  if (extra_counts()) largest = max(largest, extra_score(at));
  precise float sum = 0;
  for (uint key = at.visible + lane(); key <= at.last; key += LANES)
    sum = sum + weight_of(score_of(at, key), largest);
  sum = reduce_add(sum);
  if (extra_counts()) sum = sum + weight_of(extra_score(at), largest);
  if (has(TEPUI_ATTEND_SIGMOID)) sum = 1;
  precise float mean = 0;
  for (uint key = at.visible + lane(); key <= at.last; key += LANES) {
    precise float weight = weight_of(score_of(at, key), largest);
    const float share = changes_all() ? weight / sum : 0.0;
    mean = fma(weight, passed(at, row, head, key, share, dp_of(at, key)), mean);
  }
  mean = reduce_add(mean);
  if (extra_counts()) mean = fma(weight_of(extra_score(at), largest), extra_dp(at), mean);
  mean = mean / sum;
  if (lane() != 0) return;
  const uint to = (row * p.heads + head) * 3;
  scratch.v[to] = floatBitsToUint(largest);
  scratch.v[to + 1] = floatBitsToUint(sum);
  scratch.v[to + 2] = floatBitsToUint(mean);
}

float mixed[kPerLane];

// Adds `count` rows of `from`, `stride` apart, by their weights.
void mix(Floats from, uint first, uint stride, uint count) {
  [[unroll]] for (uint i = 0; i < kPerLane; ++i) {
    const uint d = i * LANES + lane();
    if (d < p.head_dim) {
      precise float sum = mixed[i];
      for (uint j = 0; j < count; ++j)
        sum = fma(weights[j], from.v[first + j * stride + d], sum);
      mixed[i] = sum;
    }
  }
}

void give(uint to, float scale) {
  [[unroll]] for (uint i = 0; i < kPerLane; ++i) {
    const uint d = i * LANES + lane();
    if (d < p.head_dim) y.v[to + d] = mixed[i] * scale;
  }
}

void query_gradient(uint row, uint head) {
  const Seen at = seen_by(row, head);
  const uint width = p.kv_heads * p.head_dim;
  for (uint first = at.visible; first <= at.last; first += LANES) {
    const uint key = first + lane();
    weights[lane()] = key <= at.last ? ds_of(at, row, head, key) : 0.0;
    barrier();
    mix(k, first * width + at.channel, width, min(LANES, at.last - first + 1));
    barrier();
  }
  if (has(TEPUI_ATTEND_EXTRA_KEY)) {
    const float ds = extra_ds(at, row, head);
    [[unroll]] for (uint i = 0; i < kPerLane; ++i) {
      const uint d = i * LANES + lane();
      if (d < p.head_dim)
        mixed[i] = fma(ds, uintBitsToFloat(scratch.v[EXTRA_AT + at.channel + d]), mixed[i]);
    }
  }
  give(at.query, p.scale);
}

void key_gradient(uint key, uint kv_head) {
  const uint sequence = sequence_of_row(offsets, p.sequences, key);
  const uint group_ = p.heads / p.kv_heads;
  const uint width = p.heads * p.head_dim;
  const uint end = end_of_queries(sequence, key);
  for (uint h = 0; h < group_; ++h) {
    const uint head = kv_head * group_ + h;
    for (uint first = first_query(sequence, key); first < end; first += LANES) {
      const uint row = first + lane();
      float weight = 0.0;
      if (row < end) {
        const Seen at = seen_by(row, head);
        weight = kPass == 2 ? ds_of(at, row, head, key) : met(at, row, head, key);
      }
      weights[lane()] = weight;
      barrier();
      const uint count = min(LANES, end - first);
      if (kPass == 2) mix(q, first * width + head * p.head_dim, width, count);
      else mix(dz, first * width + head * p.head_dim, width, count);
      barrier();
    }
  }
  give((key * p.kv_heads + kv_head) * p.head_dim, kPass == 2 ? p.scale : 1.0);
}

// What the extra key (pass 4) or its value gets from a sequence.
void extra_gradient(uint sequence, uint kv_head) {
  const uint group_ = p.heads / p.kv_heads;
  const uint width = p.heads * p.head_dim;
  const uint end = uint(offsets.v[sequence + 1]);
  const bool there = has(kPass == 4 ? TEPUI_ATTEND_EXTRA_KEY : TEPUI_ATTEND_EXTRA_VALUE);
  for (uint h = 0; there && h < group_; ++h) {
    const uint head = kv_head * group_ + h;
    for (uint first = uint(offsets.v[sequence]); first < end; first += LANES) {
      const uint row = first + lane();
      float weight = 0.0;
      if (row < end) {
        const Seen at = seen_by(row, head);
        weight = kPass == 4 ? extra_ds(at, row, head) : extra_probability(at, level_of(row, head));
      }
      weights[lane()] = weight;
      barrier();
      const uint count = min(LANES, end - first);
      if (kPass == 4) mix(q, first * width + head * p.head_dim, width, count);
      else mix(dz, first * width + head * p.head_dim, width, count);
      barrier();
    }
  }
  give((sequence * p.kv_heads + kv_head) * p.head_dim, kPass == 4 ? p.scale : 1.0);
}

void main() {
  [[unroll]] for (uint i = 0; i < kPerLane; ++i) mixed[i] = 0;
  const uint heads = kPass < 2 ? p.heads : p.kv_heads;
  const uint row = group() / heads;
  if (row >= (kPass < 4 ? p.rows : p.sequences)) return;
  if (kPass == 0) prepare_query(row, group() % heads);
  else if (kPass == 1) query_gradient(row, group() % heads);
  else if (kPass < 4) key_gradient(row, group() % heads);
  else extra_gradient(row, group() % heads);
}
