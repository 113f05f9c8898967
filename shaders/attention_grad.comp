#version 460
// SPDX-License-Identifier: MIT
// Four passes (kPass), none of which keeps a score: each query's largest score, sum of weights and
// mean of dp, to scratch; dq, a workgroup a head of a row; dk and dv, a workgroup a key head of a
// row, over the queries that see it, head by head in their order. Blocks of LANES keys or queries
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
#define EDITS_AT 0  // there are none
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

float probability(Seen at, uint row, uint head, uint key) {
  precise float weight = exp_of(score_of(at, key) - of_query(row, head, 0));
  weight = weight / of_query(row, head, 1);
  return weight;
}

float ds_of(Seen at, uint row, uint head, uint key) {
  precise float away = dp_of(at, key) - of_query(row, head, 2);
  precise float ds = probability(at, row, head, key) * away;
  return ds;
}

void prepare_query(uint row, uint head) {
  const Seen at = seen_by(row, head);
  const float nothing = uintBitsToFloat(0xff800000u);
  float largest = nothing;
  for (uint key = at.visible + lane(); key <= at.last; key += LANES)
    largest = max(largest, score_of(at, key));
  largest = reduce_max(largest);
  precise float sum = 0;
  precise float mean = 0;
  for (uint key = at.visible + lane(); key <= at.last; key += LANES) {
    const float weight = exp_of(score_of(at, key) - largest);
    sum = sum + weight;
    mean = fma(weight, dp_of(at, key), mean);
  }
  sum = reduce_add(sum);
  mean = reduce_add(mean) / sum;
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
  give(at.query, p.scale);
}

void key_gradient(uint key, uint kv_head) {
  const uint sequence = sequence_of_row(offsets, p.sequences, key);
  const uint group_ = p.heads / p.kv_heads;
  const uint width = p.heads * p.head_dim;
  uint end = uint(offsets.v[sequence + 1]);
  if (p.window != 0) end = min(end, key + p.window);
  for (uint h = 0; h < group_; ++h) {
    const uint head = kv_head * group_ + h;
    for (uint first = key; first < end; first += LANES) {
      const uint row = first + lane();
      float weight = 0.0;
      if (row < end) {
        const Seen at = seen_by(row, head);
        weight = kPass == 2 ? ds_of(at, row, head, key) : probability(at, row, head, key);
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

void main() {
  [[unroll]] for (uint i = 0; i < kPerLane; ++i) mixed[i] = 0;
  const uint heads = kPass < 2 ? p.heads : p.kv_heads;
  const uint row = group() / heads;
  if (row >= p.rows) return;
  if (kPass == 0) prepare_query(row, group() % heads);
  else if (kPass == 1) query_gradient(row, group() % heads);
  else key_gradient(row, group() % heads);
}
