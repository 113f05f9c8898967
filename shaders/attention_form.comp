#version 460
// SPDX-License-Identifier: MIT
// attention with an extra key, sigmoids, clipping or dropping (`form`, gamma, `drop`).
//
// A workgroup computes one head of one row: blocks of LANES keys, counted from the first key of the
// row's sequence, in ascending order with a running maximum, so that nothing depends on what else
// is in the chunk or on the keys that follow (laws 2 and 4). A window leaves out the blocks before
// the one in which it begins. Keys whose probabilities are changed only add to the sum there; a
// second pass, which knows it, adds their values. So do all keys where weights are sigmoids, clipped
// or dropped.
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/reduce.glsl"

layout(constant_id = 1) const uint kPerLane = 1;  // channels of a head, over LANES

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

shared float weights[LANES];

// Adds the values of the keys from row `first` on, by weight; true if any has one.
bool mix_edited(uint first, uint keys, uint channel, inout float more[kPerLane]) {
  bool any = false;
  for (uint j = 0; j < keys; ++j) {
    if (weights[j] == 0) continue;
    any = true;
    [[unroll]] for (uint i = 0; i < kPerLane; ++i) {
      const uint d = i * LANES + lane();
      if (d < p.head_dim) more[i] = fma(weights[j], v.v[row_of_keys(first + j, channel) + d], more[i]);
    }
  }
  return any;
}

void main() {
  const uint row = group() / p.heads;
  const uint head = group() % p.heads;
  if (row >= p.rows) return;
  const Seen seen = seen_by(row, head);
  const uint start = seen.begin + (seen.visible - seen.begin) / LANES * LANES;
  const float nothing = uintBitsToFloat(0xff800000u);
  float largest = nothing;
  precise float sum = 0;
  precise float mix[kPerLane];
  [[unroll]] for (uint i = 0; i < kPerLane; ++i) mix[i] = 0;
  const bool sigmoid = has(TEPUI_ATTEND_SIGMOID);
  const bool all_apart = sigmoid || changes_all();
  for (uint first = start; !sigmoid && first <= seen.last; first += LANES) {
    const uint own = first + lane();
    const bool sees = own >= seen.visible && own <= seen.last;
    const float score = sees ? score_of(seen, own) : nothing;
    const float next = max(largest, reduce_max(score));
    const float shrink = first == start ? 0.0 : exp_of(largest - next);
    const float weight = sees ? exp_of(score - next) : 0.0;
    const bool apart = all_apart || (p.edits != 0 && sees &&
                                     edits_of(own, head, kOfProbabilities) != 0);
    weights[lane()] = apart ? 0.0 : weight;
    sum = fma(sum, shrink, reduce_add(weight));  // its barriers show the weights to all
    const uint keys = min(LANES, seen.last - first + 1);
    const uint skipped = max(seen.visible, first) - first;
    [[unroll]] for (uint i = 0; i < kPerLane; ++i) {
      const uint d = i * LANES + lane();
      if (d >= p.head_dim) break;
      mix[i] = mix[i] * shrink;
      uint at = row_of_keys(first + skipped, seen.channel) + d;
      const uint kv_width = row_of_keys(1, 0);
      for (uint j = skipped; j < keys; ++j) {
        mix[i] = fma(weights[j], v.v[at], mix[i]);
        at += kv_width;
      }
    }
    largest = next;
    barrier();
  }
  if (sigmoid) sum = 1;
  float extra = 0;  // the extra key's weight
  if (has(TEPUI_ATTEND_EXTRA)) {
    if (extra_counts() && !sigmoid) {
      const float score = extra_score(seen);
      const float next = max(largest, score);
      const float shrink = exp_of(largest - next);
      extra = exp_of(score - next);
      sum = fma(sum, shrink, extra);
      [[unroll]] for (uint i = 0; i < kPerLane; ++i) mix[i] = mix[i] * shrink;
      largest = next;
    } else {
      extra = extra_probability(seen, Level(largest, sum)) * sum;
    }
  }
  float more[kPerLane];
  [[unroll]] for (uint i = 0; i < kPerLane; ++i) more[i] = 0;
  bool edited = false;
  for (uint first = start; (p.edits != 0 || all_apart) && first <= seen.last; first += LANES) {
    const uint own = first + lane();
    const bool sees = own >= seen.visible && own <= seen.last;
    const bool apart = sees && (all_apart || edits_of(own, head, kOfProbabilities) != 0);
    float weight = 0.0;
    if (apart) {
      weight = edited_probability(own, head, weight_of(score_of(seen, own), largest) / sum);
      weight = weight * kept(row * p.heads + head, own - seen.begin);
    }
    weights[lane()] = weight;
    barrier();
    if (mix_edited(first, min(LANES, seen.last - first + 1), seen.channel, more)) edited = true;
    barrier();
  }
  [[unroll]] for (uint i = 0; i < kPerLane; ++i) {
    const uint d = i * LANES + lane();
    if (d >= p.head_dim) break;
    if (has(TEPUI_ATTEND_EXTRA_VALUE)) mix[i] = fma(extra, extra_value(seen.channel + d), mix[i]);
    precise float mean = mix[i] / sum;
    y.v[seen.query + d] = edited ? mean + more[i] : mean;
  }
}
