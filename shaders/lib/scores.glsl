// SPDX-License-Identifier: MIT
// Scores of one query of one head with its keys, for the buffers q, k, offsets and bias and the
// parameters ATTENTION of the shader that includes it, and its edits.
#include "lib/sequences.glsl"
#include "lib/attention_edits.glsl"

// Where a query stands: its own element in q, and the keys that it sees.
struct Seen {
  uint query;     // of q
  uint channel;   // of k and v without a cache, in every row, and of the extra key
  uint head;
  uint bias;      // of the head's biases
  uint begin;     // the first row of the sequence's keys
  uint visible;   // the first row that the query sees
  uint own;       // its own
  uint last;      // the last row that it sees
};

Seen seen_in(uint sequence, uint row, uint head) {
  Seen at;
  at.query = (row * ATTENTION.heads + head) * ATTENTION.head_dim;
  at.channel = head / (ATTENTION.heads / ATTENTION.kv_heads) * ATTENTION.head_dim;
  at.head = head;
  at.bias = head * ATTENTION.bias_positions;
  const uint ends = ATTENTION.sequences + 1;
  const bool cached = ATTENTION.cached != 0;
  at.begin = uint(offsets.v[sequence + (cached ? ends : 0)]);
  const uint end = uint(offsets.v[sequence + (cached ? 2 * ends : 1)]);
  // The query is as far from its sequence's end as its own key.
  at.own = end - (uint(offsets.v[sequence + 1]) - row);
  at.last = at.own;
  const uint position = at.own - at.begin;
  at.visible = at.begin;
  if (has(TEPUI_ATTEND_PREFIX))
    at.last = max(at.own, min(at.begin + ATTENTION.window, end) - 1);
  else if (ATTENTION.window != 0 && position >= ATTENTION.window)
    at.visible += position + 1 - ATTENTION.window;
  return at;
}

// The queries that see the key in row `key` of a sequence: [first, end).
uint first_query(uint sequence, uint key) {
  const uint begin = uint(offsets.v[sequence]);
  return has(TEPUI_ATTEND_PREFIX) && key - begin < ATTENTION.window ? begin : key;
}
uint end_of_queries(uint sequence, uint key) {
  const uint end = uint(offsets.v[sequence + 1]);
  const bool windowed = ATTENTION.window != 0 && !has(TEPUI_ATTEND_PREFIX);
  return windowed ? min(end, key + ATTENTION.window) : end;
}

Seen seen_by(uint row, uint head) {
  return seen_in(sequence_of_row(offsets, ATTENTION.sequences, row), row, head);
}

// The score of the key in row `key`, whose product with the query is known.
float score_from(float product, Seen at, uint key) {
  precise float score = product * ATTENTION.scale;
  if (ATTENTION.softcap != 0) score = ATTENTION.softcap * tanh_of(score / ATTENTION.softcap);
  if (ATTENTION.bias_positions != 0) {
    precise float more = bias.v[at.bias + key - at.begin] - bias.v[at.bias + at.own - at.begin];
    score = score + more;
  }
#ifdef EDITED
  if (!EDITED) return score;
#endif
  if (ATTENTION.edits != 0) return edited_by(edits_of(key, at.head, kOfScores), score);
  return score;
}

// Where the row `key` of a key head begins in k and v, whose `channel` is given: without a cache
// heads lie beside each other, with one a head's rows, where the form does not say otherwise.
uint row_of_keys(uint key, uint channel) {
  const bool by_head = ATTENTION.cached != 0 && !has(TEPUI_ATTEND_ROWS);
  return by_head ? channel * ATTENTION.cached + key * ATTENTION.head_dim
                 : key * ATTENTION.kv_heads * ATTENTION.head_dim + channel;
}

// The score of the key in row `key`, which the query must see.
float score_of(Seen at, uint key) {
  const uint from = row_of_keys(key, at.channel);
  precise float sum = 0;
  // One term after the other; four a round, since Mesa's software device ends a lane silently
  // behind 65,535 rounds of all its loops together.
  uint d = 0;
  for (; d + 4 <= ATTENTION.head_dim; d += 4) {
    sum = fma(q.v[at.query + d], k.v[from + d], sum);
    sum = fma(q.v[at.query + d + 1], k.v[from + d + 1], sum);
    sum = fma(q.v[at.query + d + 2], k.v[from + d + 2], sum);
    sum = fma(q.v[at.query + d + 3], k.v[from + d + 3], sum);
  }
  for (; d < ATTENTION.head_dim; ++d) sum = fma(q.v[at.query + d], k.v[from + d], sum);
  return score_from(sum, at, key);
}

// The score of the extra key.
float extra_score(Seen at) {
  precise float sum = 0;
  if (has(TEPUI_ATTEND_EXTRA_KEY)) {
    for (uint d = 0; d < ATTENTION.head_dim; ++d)
      sum = fma(q.v[at.query + d], uintBitsToFloat(scratch.v[EXTRA_AT + at.channel + d]), sum);
  }
  precise float score = sum * ATTENTION.scale;
  if (ATTENTION.softcap != 0) score = ATTENTION.softcap * tanh_of(score / ATTENTION.softcap);
  return score;
}

float extra_value(uint channel) {
  if (!has(TEPUI_ATTEND_EXTRA_VALUE)) return 0.0;
  return uintBitsToFloat(scratch.v[extra_value_at() + channel]);
}

// What scores are made less of, and weights divided by: 0 and 1 of sigmoids.
struct Level {
  float largest;
  float sum;
};

// A probability is weight_of(score, largest) / sum.
float weight_of(float score, float largest) {
  precise float x = has(TEPUI_ATTEND_SIGMOID) ? score + ATTENTION.gamma : score - largest;
  return has(TEPUI_ATTEND_SIGMOID) ? times_sigmoid(1.0, x) : exp_of(x);
}

// The extra key's probability.
float extra_probability(Seen at, Level level) {
  if (has(TEPUI_ATTEND_ALWAYS)) return 1.0;
  precise float p = weight_of(extra_score(at), level.largest) / level.sum;
  return p;
}
