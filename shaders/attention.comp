// variants: TILE=q4v1|q4v2|q2v2|q2v4|q1v2|q1v8|d1v2|d1v8
#version 460
// SPDX-License-Identifier: MIT
// A workgroup computes a tile of queries (lib/query_tiles.glsl) over tiles of kKeys keys, which all
// of them share, counted from the first key of the sequence in ascending order with a running
// maximum; nothing is read of tiles that no query of it sees. How many queries share a tile orders
// no sum: a score is one chain over the channels, the weights of a tile are added by a tree over
// its kKeys places, a mixed value is one chain over the keys of a stretch (lib/stretches.glsl), and a
// tile or a stretch of which a query sees nothing leaves its sums as they are (laws 2 and 4).
//
// What was found before a stretch waits in y, where the same lanes put it and fetch it. With kApart,
// where few queries see many keys, a workgroup takes one stretch alone and leaves to
// attention_fold.comp what it found.
//
// The lanes stand in kAside rows: lane (i, j) has the queries i + kAside a, the tile's keys j +
// kAcross b and the channels 4 (j + kAcross b) to 4 (j + kAcross b) + 3. Keys whose probabilities are
// edited only add to the sum at first; a second round, which knows it, adds their values. Forms of
// attention without a plain softmax of the sequence's keys have a shader of their own
// (attention_form.comp).
//
// The sizes of a tile are written out, a variant each (lib/attention_tile.glsl): compilers put arrays
// into memory that are as long as a specialization constant, or are reached in loops that they do
// not unroll.
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/attention_tile.glsl"

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
#define EDITED (kEdited != 0)
#include "lib/scores.glsl"
#include "lib/query_tiles.glsl"
#include "lib/stretches.glsl"

shared vec4 room[kRoom];  // q, then k, a slice of the channels; or values
shared vec4 weights[kSlots * kWeights];
shared vec4 partial[kSlots * kAcross / 4];
shared Level earlier[kSlots];  // of the stretches before
shared uint query_at[kSlots];  // in q; of slots that have no query, another's

uint aside() { return lane() / kAcross; }
uint across() { return lane() % kAcross; }
uint slot_of(uint a) { return aside() + kAside * a; }
uint key_of(uint b) { return across() + kAcross * b; }
uint place_of(uint a, uint b) { return slot_of(a) * kWeights + key_of(b) / 4; }
float weight_at(uint a, uint b) { return weights[place_of(a, b)][key_of(b) % 4]; }
void put_weight(uint a, uint b, float w) { weights[place_of(a, b)][key_of(b) % 4] = w; }

#include "lib/tile_edits.glsl"

// Never but by fma or by one product or quotient at once: nothing to contract.
vec4 mixed[kQueries * kVectors];
float score[kQueries * kOwnKeys];

#include "lib/attention_loads.glsl"

// The products of the lane's queries and keys.
void multiply_tile(uint first, uint stop, bool vectors) {
  [[unroll]] for (uint i = 0; i < kQueries * kOwnKeys; ++i) score[i] = 0;
  for (uint from = 0; from < p.head_dim; from += 4 * kDepth) {
    if (!kAhead) fetch_slice(from, first, stop, vectors);
    barrier();
    put_slice();
    barrier();
    if (kAhead) {
      if (from + 4 * kDepth < p.head_dim) fetch_slice(from + 4 * kDepth, first, stop, vectors);
      else fetch_values(first, stop, vectors);
    }
    [[unroll]] for (uint d = 0; d < kDepth; ++d) {  // behind the head's last channel are zeros
      vec4 x[kQueries];
      [[unroll]] for (uint a = 0; a < kQueries; ++a) x[a] = room[slot_of(a) * kPitch + d];
      [[unroll]] for (uint b = 0; b < kOwnKeys; ++b) {
        const vec4 w = room[(kSlots + key_of(b)) * kPitch + d];
        [[unroll]] for (uint c = 0; c < 4; ++c) {
          [[unroll]] for (uint a = 0; a < kQueries; ++a)
            score[a * kOwnKeys + b] = fma(x[a][c], w[c], score[a * kOwnKeys + b]);
        }
      }
    }
  }
}

// The sums of four and of sixteen by a tree.
float tree(vec4 t) {
  precise float sum = (t.x + t.z) + (t.y + t.w);
  return sum;
}
float tree(vec4 a, vec4 b, vec4 c, vec4 d) {
  precise vec4 pairs = a + c;
  precise vec4 more = b + d;
  precise vec4 sum = pairs + more;
  return tree(sum);
}

// Of what the lanes of each query found of its keys: the largest, and the sum by a tree over the
// keys' places. Every lane gets the result.
void put_partial(uint a, float x) { partial[slot_of(a) * kFours + across() / 4][across() % 4] = x; }
void largest_of(inout float x[kQueries]) {
  [[unroll]] for (uint a = 0; a < kQueries; ++a) put_partial(a, x[a]);
  barrier();
  [[unroll]] for (uint a = 0; a < kQueries; ++a) {
    [[unroll]] for (uint i = 0; i < kFours; ++i) {
      const vec4 others = partial[slot_of(a) * kFours + i];
      [[unroll]] for (uint c = 0; c < 4; ++c) {
        if (others[c] > x[a]) x[a] = others[c];
      }
    }
  }
  barrier();
}
float sum_across(uint slot) {
  const uint at = slot * kFours;
  return tree(partial[at], partial[at + 1], partial[at + 2], partial[at + 3]);
}
void sum_of(inout float x[kQueries]) {
  [[unroll]] for (uint a = 0; a < kQueries; ++a) put_partial(a, x[a]);
  barrier();
#define SUM_UP(a) x[a] = sum_across(slot_of(a));
  EACH_QUERY(SUM_UP)
}

// Adds the values of the keys from row `first` on, `keys` of which are there, by weight, each to the
// queries that see it; `all`: every one does. `chosen`: those alone that have a weight.
void mix_stage(uint first, uint keys, uint stage, bool all, bool chosen, uint visible[kQueries],
               uint last[kQueries]) {
  for (uint j4 = 0; j4 < keys; j4 += 4) {
    vec4 weight[kQueries];
    [[unroll]] for (uint a = 0; a < kQueries; ++a)
      weight[a] = weights[slot_of(a) * kWeights + (stage + j4) / 4];
    [[unroll]] for (uint j = 0; j < 4; ++j) {
      const uint key = first + j4 + j;
      [[unroll]] for (uint b = 0; b < kVectors; ++b) {
        const vec4 value = room[(j4 + j) * kWidth + across() + kAcross * min(b, kUsed - 1)];
        [[unroll]] for (uint a = 0; a < kQueries; ++a) {
          const bool sees =
              all || (key >= visible[a] && key <= last[a] && (!chosen || weight[a][j] != 0));
          if (b < kUsed && sees)
            mixed[a * kVectors + b] = fma(vec4(weight[a][j]), value, mixed[a * kVectors + b]);
        }
      }
    }
  }
}

// The same of a whole tile.
void mix_values(uint first, uint stop, bool all, bool chosen, bool vectors,
                uint visible[kQueries], uint last[kQueries]) {
  for (uint stage = 0; stage < kKeys && first + stage <= stop; stage += kStage) {
    const uint keys = min(min(kStage, kKeys - stage), stop - first - stage + 1);
    if (!kAhead) fetch_values(first + stage, stop, vectors);
    barrier();
    put_values();
    barrier();
    if (kAhead) {
      const bool more = stage + kStage < kKeys && first + stage + kStage <= stop;
      if (more) fetch_values(first + stage + kStage, stop, vectors);
      else fetch_slice(0, first + kKeys, stop, vectors);
    }
    if (all) mix_stage(first + stage, keys, stage, true, false, visible, last);
    else mix_stage(first + stage, keys, stage, false, chosen, visible, last);
  }
}

float scaled_score(float product) {
  precise float x = product * p.scale;
  return x;
}
#define SCALE_KEY(a, b) score[a * kOwnKeys + b] = scaled_score(score[a * kOwnKeys + b]);
#define SCALE(a) EACH_KEY(SCALE_KEY, a)

// From scores to weights, in place; what a query does not see scores kNothing. `found` is the largest,
// then the sum; by `shrink` what was summed before is made less.
float weight_from(float x, float most) {
  precise float less = x - most;
  return x == kNothing ? 0.0 : exp_of(less);
}
#define WEIGH_KEY(a, b) score[a * kOwnKeys + b] = weight_from(score[a * kOwnKeys + b], largest[a]);
#define WEIGH(a)                                                           \
  shrink[a] = found[a] == kNothing ? 1.0 : exp_of(largest[a] - found[a]);  \
  largest[a] = found[a];                                                   \
  EACH_KEY(WEIGH_KEY, a)                                                   \
  found[a] = sum_of_keys(a);

float sum_of_keys(uint a) {
  const uint at = a * kOwnKeys;
  return tree(vec4(score[at], score[at + 1], score[at + 2], score[at + 3]));
}

#include "lib/tile_stretches.glsl"

void put_scores() {
  [[unroll]] for (uint a = 0; a < kQueries; ++a) {
    [[unroll]] for (uint b = 0; b < kOwnKeys; ++b) put_weight(a, b, score[a * kOwnKeys + b]);
  }
}

void main() {
  const uint stretch = kApart != 0 ? group() / groups_of_tiles() : 0;
  const Tile tile = tile_of(group() - stretch * groups_of_tiles());
  if (tile.idle) return;
  const uint tile_heads = heads_of_tile();
  const bool vectors = by_vectors(q) && by_vectors(k) && by_vectors(v);
  Seen seen[kQueries];
  uint visible[kQueries];
  uint last[kQueries];
  [[unroll]] for (uint a = 0; a < kQueries; ++a) {
    const uint slot = slot_of(a);
    const bool there = slot / tile_heads < tile.rows && slot % tile_heads < tile.heads;
    seen[a] = seen_in(tile.sequence, tile.row + min(slot / tile_heads, tile.rows - 1),
                      tile.head + min(slot % tile_heads, tile.heads - 1));
    if (across() == 0) query_at[slot] = seen[a].query;
    visible[a] = there ? seen[a].visible : 1;
    last[a] = there ? seen[a].last : 0;
  }
  const Seen lowest = seen_in(tile.sequence, tile.row, tile.head);
  const Seen highest = seen_in(tile.sequence, tile.row + tile.rows - 1, tile.head);
  keys_begin = row_of_keys(0, lowest.channel);
  keys_pitch = row_of_keys(1, 0);
  uint start = lowest.begin + (lowest.visible - lowest.begin) / kKeys * kKeys;
  uint stop = highest.last;
  if (kApart != 0) {
    start = max(start, lowest.begin + stretch * kStretch);
    stop = min(stop, lowest.begin + stretch * kStretch + kStretch - 1);
    if (start > stop) return;
  }
  float largest[kQueries];
  float sum[kQueries];  // never but by fma
  [[unroll]] for (uint a = 0; a < kQueries; ++a) {
    largest[a] = kNothing;
    sum[a] = 0;
    BEGIN(a)
  }
  barrier();

  if (kAhead) fetch_slice(0, start, stop, vectors);
  for (uint first = start; first <= stop; first += kKeys) {
    multiply_tile(first, stop, vectors);
    if (kScaled == 0) {
      put_scores();
      EACH_QUERY(RESCORE)
      [[unroll]] for (uint a = 0; a < kQueries; ++a) {
        [[unroll]] for (uint b = 0; b < kOwnKeys; ++b) score[a * kOwnKeys + b] = weight_at(a, b);
      }
    }
    if (kScaled != 0) {
      EACH_QUERY(SCALE)
    }
    float found[kQueries];
    [[unroll]] for (uint a = 0; a < kQueries; ++a) {
      found[a] = largest[a];
      [[unroll]] for (uint b = 0; b < kOwnKeys; ++b) {
        const uint key = first + key_of(b);
        const float x = key >= visible[a] && key <= last[a] ? score[a * kOwnKeys + b] : kNothing;
        if (x > found[a]) found[a] = x;
        score[a * kOwnKeys + b] = x;
      }
    }
    largest_of(found);
    float shrink[kQueries];
    EACH_QUERY(WEIGH)
    [[unroll]] for (uint a = 0; a < kQueries; ++a) {
      [[unroll]] for (uint b = 0; b < kVectors; ++b)
        mixed[a * kVectors + b] = mixed[a * kVectors + b] * shrink[a];
      [[unroll]] for (uint b = 0; b < kOwnKeys; ++b) put_weight(a, b, score[a * kOwnKeys + b]);
    }
    if (kEdited != 0) {
      EACH_QUERY(LEAVE_EDITED)
    }
    sum_of(found);
    [[unroll]] for (uint a = 0; a < kQueries; ++a) sum[a] = fma(sum[a], shrink[a], found[a]);
    const bool all = first >= highest.visible && first + kKeys - 1 <= lowest.last;
    mix_values(first, stop, all, false, vectors, visible, last);
    const uint next_key = first + kKeys;
    if (kApart == 0 && (next_key > stop || (next_key - lowest.begin) % kStretch == 0)) {
      EACH_QUERY(FOLD)
      if (next_key <= stop) {
        EACH_QUERY(WRITE)
        barrier();
        EACH_QUERY(BEGIN)
      }
    }
  }
  if (kApart != 0) {
    EACH_QUERY(LEAVE)
  }
  [[unroll]] for (uint a = 0; a < kQueries; ++a) {
    [[unroll]] for (uint b = 0; b < kVectors; ++b)
      mixed[a * kVectors + b] = mixed[a * kVectors + b] / sum[a];
  }
  if (kAhead && kEdited != 0) fetch_slice(0, start, stop, vectors);
  for (uint first = start; kEdited != 0 && first <= stop; first += kKeys) {
    multiply_tile(first, stop, vectors);
    put_scores();
    EACH_QUERY(WEIGH_EDITED)
    mix_values(first, stop, false, true, vectors, visible, last);
  }
  if (kApart == 0) {
    EACH_QUERY(WRITE)
  }
}
