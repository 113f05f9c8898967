// SPDX-License-Identifier: MIT
// Edits of scores and probabilities on their way (ops/attention_params.h), for the parameters
// ATTENTION of the shader that includes it; the operand lies in scratch from the word EDITS_AT on.
// What no edit selects keeps its bits.

const uint kOfScores = 0;
const uint kOfProbabilities = TEPUI_EDIT_PROBABILITY;

// The edits of a head that select the key in row `key` and are of a kind.
uint edits_of(uint key, uint head, uint kind) {
  const uint stride = 2 + ATTENTION.heads;
  uint marks = scratch.v[EDITS_AT + ATTENTION.edits * stride + key];
  for (uint e = 0; e < ATTENTION.edits; ++e) {
    const uint at = EDITS_AT + e * stride;
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
    const uint at = EDITS_AT + e * (2 + ATTENTION.heads);
    const float value = uintBitsToFloat(scratch.v[at + 1]);
    switch (scratch.v[at] & ~TEPUI_EDIT_PROBABILITY) {
      case TEPUI_EDIT_SET: x = value; break;
      case TEPUI_EDIT_CLIP: x = x > value ? value : x < -value ? -value : x; break;
      default: x = x * value; break;  // TEPUI_EDIT_SCALE
    }
  }
  return x;
}

// What becomes of the probability that a query gives the key in row `key`.
float edited_probability(uint key, uint head, float probability) {
  if (ATTENTION.edits == 0) return probability;
  return edited_by(edits_of(key, head, kOfProbabilities), probability);
}

float entropy_term(float p) { return p > 0 ? -p * log(p) : 0.0; }
