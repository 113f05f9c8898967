// SPDX-License-Identifier: MIT
// What becomes of scores and probabilities on their way (ops/attention_params.h): edits, clipping and
// dropping, for the parameters ATTENTION of the shader that includes it. Operands lie in scratch from
// the word EXTRA_AT on: the extra key, its value, the key to drop by, and edits, those that there
// are. What nothing changes keeps its bits.
#include "ops/random_bits.h"

const uint kOfScores = 0;
const uint kOfProbabilities = TEPUI_EDIT_PROBABILITY;

bool has(uint form) { return (ATTENTION.form & form) != 0; }
uint extra_value_at() {
  return EXTRA_AT + (has(TEPUI_ATTEND_EXTRA_KEY) ? ATTENTION.kv_heads * ATTENTION.head_dim : 0);
}
uint drop_key_at() {
  return extra_value_at() +
         (has(TEPUI_ATTEND_EXTRA_VALUE) ? ATTENTION.kv_heads * ATTENTION.head_dim : 0);
}
uint edits_at() { return drop_key_at() + (ATTENTION.drop != 0 ? 2 : 0); }
// Whether the extra key is one among the others, in their sum.
bool extra_counts() { return has(TEPUI_ATTEND_EXTRA) && !has(TEPUI_ATTEND_ALWAYS); }
bool clips() { return ATTENTION.gamma != 0 && !has(TEPUI_ATTEND_SIGMOID); }
// Whether probabilities are changed once they are made, so that all wait for the sum.
bool changes_all() { return clips() || ATTENTION.drop != 0; }

float clipped(float probability) {
  precise float slope = 1.0 - ATTENTION.gamma;
  return max(fma(slope, probability, ATTENTION.gamma), 0.0);
}

// By what the probability of the key at a position is multiplied at the end, for query row * heads +
// head.
float kept(uint query, uint position) {
  if (ATTENTION.drop == 0) return 1.0;
  const uint share = ATTENTION.drop >> 16;
  const uint at = scratch.v[drop_key_at()] + (ATTENTION.drop << 16) + position;
  if (pcg3d_word(query, at, scratch.v[drop_key_at() + 1]) >> 16 < share) return 0.0;
  return 65536.0 / float(65536u - share);
}

// The edits of a head that select the key in row `key` and are of a kind.
uint edits_of(uint key, uint head, uint kind) {
  const uint stride = 2 + ATTENTION.heads;
  uint marks = scratch.v[edits_at() + ATTENTION.edits * stride + key];
  for (uint e = 0; e < ATTENTION.edits; ++e) {
    const uint at = edits_at() + e * stride;
    const bool own =
        (scratch.v[at] & TEPUI_EDIT_PROBABILITY) == kind && scratch.v[at + 2 + head] != 0;
    if (!own) marks &= ~(1u << e);
  }
  return marks;
}

float edited_by(uint marks, float from) {
  precise float x = from;
  for (uint e = 0; marks != 0; ++e, marks >>= 1) {
    if ((marks & 1u) == 0) continue;
    const uint at = edits_at() + e * (2 + ATTENTION.heads);
    const float value = uintBitsToFloat(scratch.v[at + 1]);
    switch (scratch.v[at] & ~TEPUI_EDIT_PROBABILITY) {
      case TEPUI_EDIT_SET: x = value; break;
      case TEPUI_EDIT_CLIP: x = x > value ? value : x < -value ? -value : x; break;
      default: x = x * value; break;  // TEPUI_EDIT_SCALE
    }
  }
  return x;
}

// What becomes of the probability that a query gives the key in row `key`, but for dropping.
float edited_probability(uint key, uint head, float probability) {
  if (clips()) probability = clipped(probability);
  if (ATTENTION.edits == 0) return probability;
  return edited_by(edits_of(key, head, kOfProbabilities), probability);
}

float entropy_term(float p) { return p > 0 ? -p * log(p) : 0.0; }
