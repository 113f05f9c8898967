#version 460
// SPDX-License-Identifier: MIT
// Pass 0, a workgroup a head of a row: the softmax's largest score and sum, left in scratch behind
// the marked tokens, the entropy, and what the marked tokens receive. Pass 1, a workgroup some keys
// of a head: each lane adds up what its key receives, from one query after the other.
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/reduce.glsl"

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

uint softmax_at(uint row, uint head) {
  return p.of.sequences * p.marked + (row * p.of.heads + head) * 2;
}

void measure_query(uint row, uint head) {
  const Seen seen = seen_by(row, head);
  const float nothing = uintBitsToFloat(0xff800000u);
  const uint start = seen.begin + (seen.visible - seen.begin) / LANES * LANES;
  float largest = nothing;
  for (uint first = start; first <= seen.last; first += LANES) {
    const uint own = first + lane();
    const bool sees = own >= seen.visible && own <= seen.last;
    largest = max(largest, reduce_max(sees ? score_of(seen, own) : nothing));
  }
  const bool sigmoid = has(TEPUI_ATTEND_SIGMOID);
  if (extra_counts()) largest = max(largest, extra_score(seen));
  precise float sum = 0;
  precise float weighted = 0;
  for (uint first = start; first <= seen.last; first += LANES) {
    const uint own = first + lane();
    const bool sees = own >= seen.visible && own <= seen.last;
    const float score = sees ? score_of(seen, own) : largest;
    precise float x = score - largest;
    const float weight = sees ? weight_of(score, largest) : 0.0;
    sum = sum + reduce_add(weight);
    precise float product = weight * max(x, -128.0);  // exp of less is 0: no weight, no term
    if (sigmoid) product = -entropy_term(weight);
    weighted = weighted + reduce_add(product);
  }
  if (extra_counts()) {
    const float score = extra_score(seen);
    precise float x = score - largest;
    const float weight = weight_of(score, largest);
    sum = sum + weight;
    precise float product = weight * max(x, -128.0);
    weighted = weighted + (sigmoid ? -entropy_term(weight) : product);
  }
  if (sigmoid) sum = 1;
  const uint s = sequence_of_row(offsets, p.of.sequences, row);
  for (uint m = lane(); m < p.marked; m += LANES) {
    const uint key = scratch.v[s * p.marked + m];
    const bool sees = key != NO_INDEX && seen.begin + key >= seen.visible &&
                      seen.begin + key <= seen.last;
    const float score = sees ? score_of(seen, seen.begin + key) : 0.0;
    chosen.v[(row * p.marked + m) * p.of.heads + head] =
        sees ? edited_probability(seen.begin + key, head, weight_of(score, largest) / sum) : 0.0;
  }
  precise float change = 0;
  for (uint first = start; (p.of.edits != 0 || clips()) && first <= seen.last; first += LANES) {
    const uint own = first + lane();
    const bool sees = own >= seen.visible && own <= seen.last;
    const bool changed =
        sees && (clips() || (p.of.edits != 0 && edits_of(own, head, kOfProbabilities) != 0));
    precise float term = 0;
    if (changed) {
      const float before = weight_of(score_of(seen, own), largest) / sum;
      term = entropy_term(edited_probability(own, head, before)) - entropy_term(before);
    }
    change = change + reduce_add(term);
  }
  if (lane() != 0) return;
  precise float entropy = log(sum) - weighted / sum;
  entropy = entropy + change;
  a.v[row * p.of.heads + head] = entropy;
  scratch.v[softmax_at(row, head)] = floatBitsToUint(largest);
  scratch.v[softmax_at(row, head) + 1] = floatBitsToUint(sum);
}

void measure_key(uint row, uint head) {
  const uint s = sequence_of_row(offsets, p.of.sequences, row);
  const uint begin = uint(offsets.v[s]);
  const uint end = end_of_queries(s, row);
  precise float all = 0;
  precise float early = 0;
  for (uint query = first_query(s, row); query < end; ++query) {
    const uint at = softmax_at(query, head);
    precise float probability =
        weight_of(score_of(seen_by(query, head), row), uintBitsToFloat(scratch.v[at]));
    probability = probability / uintBitsToFloat(scratch.v[at + 1]);
    probability = edited_probability(row, head, probability);
    all = all + probability;
    if (query - begin < p.early) early = early + probability;
  }
  a.v[(row * p.of.heads + head) * 2] = all;
  a.v[(row * p.of.heads + head) * 2 + 1] = early;
}

void main() {
  if (kPass == 0) {
    if (group() / p.of.heads < p.of.rows) measure_query(group() / p.of.heads, group() % p.of.heads);
  } else {
    const uint index = group() * LANES + lane();
    if (index / p.of.heads < p.of.rows) measure_key(index / p.of.heads, index % p.of.heads);
  }
}
