#version 460
// SPDX-License-Identifier: MIT
// A workgroup a row: its scores and probabilities, one head after the other. A lane adds to the
// cells of its own keys alone.
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/reduce.glsl"

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

void main() {
  const uint row = group();
  if (row >= p.of.rows) return;
  const uint s = sequence_of_row(offsets, p.of.sequences, row);
  const uint begin = uint(offsets.v[s]);
  const uint tokens = min(uint(offsets.v[s + 1]) - begin, p.tokens);
  if (row - begin >= tokens) return;
  uint cell = (row - begin) * tokens;
  for (uint i = 0; i < s; ++i) {
    const uint n = min(uint(offsets.v[i + 1]) - uint(offsets.v[i]), p.tokens);
    cell += n * n;
  }
  const float nothing = uintBitsToFloat(0xff800000u);
  const float heads = float(p.count);
  for (uint head = p.first; head < p.first + p.count; ++head) {
    const Seen seen = seen_by(row, head);
    float largest = nothing;
    for (uint first = seen.begin; first <= seen.last; first += LANES) {
      const uint own = first + lane();
      const bool sees = own >= seen.visible && own <= seen.last;
      largest = max(largest, reduce_max(sees ? score_of(seen, own) : nothing));
    }
    if (extra_counts()) largest = max(largest, extra_score(seen));
    precise float sum = extra_counts() ? exp_of(extra_score(seen) - largest) : 0.0;
    for (uint first = seen.begin; first <= seen.last; first += LANES) {
      const uint own = first + lane();
      const bool sees = own >= seen.visible && own <= seen.last;
      precise float x = sees ? score_of(seen, own) - largest : 0;
      sum = sum + reduce_add(sees ? exp_of(x) : 0.0);
    }
    if (has(TEPUI_ATTEND_SIGMOID)) sum = 1;
    for (uint j = lane(); j < tokens; j += LANES) {
      const uint own = begin + j;
      const bool sees = own >= seen.visible && own <= seen.last;
      precise float value = sees ? score_of(seen, own) : nothing;
      precise float share =
          sees ? edited_probability(own, head, weight_of(value, largest) / sum) : 0.0;
      if (head != p.first) {
        value = score.v[cell + j] + value;
        share = probability.v[cell + j] + share;
      }
      const bool last = head + 1 == p.first + p.count;
      score.v[cell + j] = last ? value / heads : value;
      probability.v[cell + j] = last ? share / heads : share;
    }
  }
}
