#version 460
// SPDX-License-Identifier: MIT
// A workgroup computes one head of one row: blocks of LANES keys, counted from the first key of the
// row's sequence, in ascending order with a running maximum, so that nothing depends on what else
// is in the chunk or on the keys that follow (laws 2 and 4). A window leaves out the blocks before
// the one in which it begins.
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/reduce.glsl"
#include "lib/sequences.glsl"

layout(constant_id = 1) const uint kPerLane = 1;  // channels of a head, over LANES

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats q;
  SLOT(1) Floats k;
  SLOT(2) Floats v;
  SLOT(3) Ints offsets;
  SLOT(4) Floats bias;
  SLOT(5) Floats y;
  PARAMS AttentionParams p;
};

shared float weights[LANES];

float product_of(uint query, uint key) {
  precise float sum = 0;
  for (uint d = 0; d < p.head_dim; ++d) sum = fma(q.v[query + d], k.v[key + d], sum);
  precise float score = sum * p.scale;
  if (p.softcap != 0) score = p.softcap * tanh_of(score / p.softcap);
  return score;
}

void main() {
  const uint row = group() / p.heads;
  const uint head = group() % p.heads;
  if (row >= p.rows) return;
  const uint kv_width = p.kv_heads * p.head_dim;
  const uint kv_channel = head / (p.heads / p.kv_heads) * p.head_dim;
  const uint query = group() * p.head_dim;
  const uint sequence = sequence_of_row(offsets, p.sequences, row);
  const uint of_keys = sequence + (p.cached != 0 ? p.sequences + 1 : 0);
  const uint begin = uint(offsets.v[of_keys]);
  // The query is as far from its sequence's end as its own key.
  const uint last = uint(offsets.v[of_keys + 1]) - (uint(offsets.v[sequence + 1]) - row);
  const uint position = last - begin;
  const uint hidden = p.window != 0 && position >= p.window ? position + 1 - p.window : 0;
  const uint visible = begin + hidden;
  const uint start = begin + hidden / LANES * LANES;
  const uint of_bias = head * p.bias_positions;
  const float nothing = uintBitsToFloat(0xff800000u);
  float largest = nothing;
  precise float sum = 0;
  precise float mix[kPerLane];
  [[unroll]] for (uint i = 0; i < kPerLane; ++i) mix[i] = 0;
  for (uint first = start; first <= last; first += LANES) {
    const uint own = first + lane();
    const bool seen = own >= visible && own <= last;
    precise float score = seen ? product_of(query, own * kv_width + kv_channel) : nothing;
    if (seen && p.bias_positions != 0) {
      precise float more = bias.v[of_bias + own - begin] - bias.v[of_bias + position];
      score = score + more;
    }
    const float next = max(largest, reduce_max(score));
    const float shrink = first == start ? 0.0 : exp_of(largest - next);
    const float weight = seen ? exp_of(score - next) : 0.0;
    weights[lane()] = weight;
    sum = fma(sum, shrink, reduce_add(weight));  // its barriers show the weights to all
    const uint keys = min(LANES, last - first + 1);
    const uint skipped = max(visible, first) - first;
    [[unroll]] for (uint i = 0; i < kPerLane; ++i) {
      const uint d = i * LANES + lane();
      if (d >= p.head_dim) break;
      mix[i] = mix[i] * shrink;
      uint at = (first + skipped) * kv_width + kv_channel + d;
      for (uint j = skipped; j < keys; ++j) {
        mix[i] = fma(weights[j], v.v[at], mix[i]);
        at += kv_width;
      }
    }
    largest = next;
    barrier();
  }
  [[unroll]] for (uint i = 0; i < kPerLane; ++i) {
    const uint d = i * LANES + lane();
    if (d < p.head_dim) y.v[query + d] = mix[i] / sum;
  }
}
