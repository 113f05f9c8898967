#version 460
// SPDX-License-Identifier: MIT
// A workgroup computes a tile of queries (lib/query_tiles.glsl) over tiles of kKeys keys, which all
// of them share, counted from the first key of the sequence in ascending order with a running
// maximum; nothing is read of tiles that no query of it sees. How many queries share a tile orders
// no sum: a score is one chain over the channels, the weights of a tile are added by a tree over
// its kKeys places, a mixed value is one chain over the keys, and a tile of which a query sees
// nothing leaves its sums as they are (laws 2 and 4).
//
// The lanes stand in kAside rows: lane (i, j) has the queries i + kAside a, the tile's keys and the
// channels j + kAcross b. Keys whose probabilities are edited only add to the sum at first; a second
// round, which knows it, adds their values. Forms of attention without a plain softmax of the
// sequence's keys have a shader of their own (attention_form.comp).
#include "lib/common.glsl"
#include "lib/math.glsl"
#include "lib/reduce.glsl"

layout(constant_id = 1) const uint kAside = 1;
layout(constant_id = 2) const uint kQueries = 1;   // of a lane
layout(constant_id = 3) const uint kChannels = 1;  // of a lane
layout(constant_id = 4) const uint kEdited = 0;    // whether there are edits

const uint kKeys = 64;
const uint kDepth = 16;   // channels of q and k that are there at once
const uint kAcross = LANES / kAside;
const uint kOwnKeys = kKeys / kAcross;
const uint kWidth = kChannels * kAcross;
const uint kSlots = kAside * kQueries;
const uint kPitch = kDepth + 1;  // odd, so that rows lie in different banks
const uint kProducts = (kSlots + kKeys) * kPitch;
const uint kRoom = kProducts > 4 * kWidth ? kProducts : 4 * kWidth;
// Keys whose values are there at once.
const uint kStage = kRoom / kWidth > kKeys ? kKeys : kRoom / kWidth / 4 * 4;

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

shared float room[kRoom];  // q, then k, a slice of the channels; or values
shared float weights[kSlots * (kKeys + 1)];
shared float partial[kSlots * kAcross];
shared uint query_at[kSlots];  // in q; NO_INDEX: there is none

uint aside() { return lane() / kAcross; }
uint across() { return lane() % kAcross; }
uint slot_of(uint a) { return aside() + kAside * a; }
uint place_of(uint a, uint b) { return slot_of(a) * (kKeys + 1) + across() + kAcross * b; }

// Never but by fma or by one product or quotient at once: nothing to contract.
float mix[kQueries * kChannels];

// Loads channels `from` on of the queries and of the keys from row `first` on.
void load_slice(uint from, uint first, uint stop, uint channel) {
  const uint begin = row_of_keys(0, channel);
  const uint kv_width = row_of_keys(1, 0);
  for (uint e4 = 0; e4 < kSlots * kDepth; e4 += 4 * LANES) {
    [[unroll]] for (uint i = 0; i < 4; ++i) {
      const uint e = e4 + i * LANES + lane();
      const uint d = from + e % kDepth;
      if (e >= kSlots * kDepth) continue;
      const uint at = query_at[e / kDepth];
      room[e / kDepth * kPitch + e % kDepth] =
          at != NO_INDEX && d < p.head_dim ? q.v[at + d] : 0.0;
    }
  }
  const uint keys = min(kKeys, stop - first + 1);
  for (uint e4 = 0; e4 < keys * kDepth; e4 += 4 * LANES) {
    [[unroll]] for (uint i = 0; i < 4; ++i) {
      const uint e = e4 + i * LANES + lane();
      const uint d = from + e % kDepth;
      if (e >= keys * kDepth) continue;
      room[(kSlots + e / kDepth) * kPitch + e % kDepth] =
          d < p.head_dim ? k.v[begin + (first + e / kDepth) * kv_width + d] : 0.0;
    }
  }
}

// The products of the lane's queries and keys, to their places in `weights`.
void multiply_tile(uint first, uint stop, uint channel) {
  float score[kQueries * kOwnKeys];
  [[unroll]] for (uint i = 0; i < kQueries * kOwnKeys; ++i) score[i] = 0;
  for (uint from = 0; from < p.head_dim; from += kDepth) {
    barrier();
    load_slice(from, first, stop, channel);
    barrier();
    for (uint d4 = 0; d4 < kDepth && from + d4 < p.head_dim; d4 += 4) {
      [[unroll]] for (uint d = 0; d < 4; ++d) {
        float x[kQueries];
        [[unroll]] for (uint a = 0; a < kQueries; ++a) x[a] = room[slot_of(a) * kPitch + d4 + d];
        [[unroll]] for (uint b = 0; b < kOwnKeys; ++b) {
          const float w = room[(kSlots + across() + kAcross * b) * kPitch + d4 + d];
          [[unroll]] for (uint a = 0; a < kQueries; ++a)
            score[a * kOwnKeys + b] = fma(x[a], w, score[a * kOwnKeys + b]);
        }
      }
    }
  }
  [[unroll]] for (uint a = 0; a < kQueries; ++a) {
    [[unroll]] for (uint b = 0; b < kOwnKeys; ++b)
      weights[place_of(a, b)] = score[a * kOwnKeys + b];
  }
}

// Of what the lanes of each query found of its keys: the largest, and the sum by a tree over the
// keys' places. Every lane gets the result.
void largest_of(inout float x[kQueries]) {
  if (kAside == 1) {
    x[0] = reduce_max(x[0]);
    return;
  }
  [[unroll]] for (uint a = 0; a < kQueries; ++a) partial[slot_of(a) * kAcross + across()] = x[a];
  barrier();
  [[unroll]] for (uint a = 0; a < kQueries; ++a) {
    [[unroll]] for (uint i = 0; i < kAcross; ++i) {
      const float other = partial[slot_of(a) * kAcross + i];
      if (other > x[a]) x[a] = other;
    }
  }
  barrier();
}
void sum_of(inout float x[kQueries]) {
  if (kAside == 1) {
    x[0] = reduce_add(x[0]);
    return;
  }
  [[unroll]] for (uint a = 0; a < kQueries; ++a) partial[slot_of(a) * kAcross + across()] = x[a];
  barrier();
  [[unroll]] for (uint a = 0; a < kQueries; ++a) {
    precise float t[kAcross];
    [[unroll]] for (uint i = 0; i < kAcross; ++i) t[i] = partial[slot_of(a) * kAcross + i];
    [[unroll]] for (uint stride = kAcross / 2; stride > 0; stride /= 2) {
      [[unroll]] for (uint i = 0; i < stride; ++i) t[i] = t[i] + t[i + stride];
    }
    x[a] = t[0];
  }
}

// Adds the values of the keys from row `first` on, `keys` of which are there, by weight, each to the
// queries that see it; `all`: every one does. `chosen`: those alone that have a weight.
void mix_stage(uint first, uint keys, uint stage, bool all, bool chosen, uint visible[kQueries],
               uint last[kQueries]) {
  for (uint j4 = 0; j4 < keys; j4 += 4) {
    [[unroll]] for (uint j = 0; j < 4; ++j) {
      float value[kChannels];
      [[unroll]] for (uint b = 0; b < kChannels; ++b)
        value[b] = room[(j4 + j) * kWidth + across() + kAcross * b];
      [[unroll]] for (uint a = 0; a < kQueries; ++a) {
        const uint key = first + j4 + j;
        const float weight = weights[slot_of(a) * (kKeys + 1) + stage + j4 + j];
        if (!all && (key < visible[a] || key > last[a] || (chosen && weight == 0))) continue;
        [[unroll]] for (uint b = 0; b < kChannels; ++b)
          mix[a * kChannels + b] = fma(weight, value[b], mix[a * kChannels + b]);
      }
    }
  }
}

// The same of a whole tile.
void mix_values(uint first, uint stop, uint channel, bool all, bool chosen, uint visible[kQueries],
                uint last[kQueries]) {
  const uint begin = row_of_keys(0, channel);
  const uint kv_width = row_of_keys(1, 0);
  for (uint stage = 0; stage < kKeys && first + stage <= stop; stage += kStage) {
    const uint keys = min(min(kStage, kKeys - stage), stop - first - stage + 1);
    barrier();
    for (uint e4 = 0; e4 < keys * kWidth; e4 += 4 * LANES) {
      [[unroll]] for (uint i = 0; i < 4; ++i) {
        const uint e = e4 + i * LANES + lane();
        const uint d = e % kWidth;
        if (e < keys * kWidth && d < p.head_dim)
          room[e] = v.v[begin + (first + stage + e / kWidth) * kv_width + d];
      }
    }
    barrier();
    if (all) mix_stage(first + stage, keys, stage, true, false, visible, last);
    else mix_stage(first + stage, keys, stage, false, chosen, visible, last);
  }
}

void main() {
  const Tile tile = tile_of(group());
  if (tile.idle) return;
  const uint tile_heads = heads_of_tile();
  Seen seen[kQueries];
  uint visible[kQueries];
  uint last[kQueries];
  [[unroll]] for (uint a = 0; a < kQueries; ++a) {
    const uint slot = slot_of(a);
    const bool there = slot / tile_heads < tile.rows && slot % tile_heads < tile.heads;
    seen[a] = seen_in(tile.sequence, tile.row + min(slot / tile_heads, tile.rows - 1),
                      tile.head + min(slot % tile_heads, tile.heads - 1));
    if (across() == 0) query_at[slot] = there ? seen[a].query : NO_INDEX;
    visible[a] = there ? seen[a].visible : 1;
    last[a] = there ? seen[a].last : 0;
  }
  const Seen lowest = seen_in(tile.sequence, tile.row, tile.head);
  const Seen highest = seen_in(tile.sequence, tile.row + tile.rows - 1, tile.head);
  const uint channel = lowest.channel;
  const uint start = lowest.begin + (lowest.visible - lowest.begin) / kKeys * kKeys;
  const float nothing = uintBitsToFloat(0xff800000u);
  float largest[kQueries];
  float shrink[kQueries];
  precise float sum[kQueries];
  [[unroll]] for (uint a = 0; a < kQueries; ++a) {
    largest[a] = nothing;
    sum[a] = 0;
  }
  [[unroll]] for (uint i = 0; i < kQueries * kChannels; ++i) mix[i] = 0;
  barrier();

  for (uint first = start; first <= highest.last; first += kKeys) {
    multiply_tile(first, highest.last, channel);
    float found[kQueries];
    [[unroll]] for (uint a = 0; a < kQueries; ++a) {
      found[a] = largest[a];
      for (uint b = 0; b < kOwnKeys; ++b) {
        const uint key = first + across() + kAcross * b;
        float x = nothing;
        if (key >= visible[a] && key <= last[a])
          x = score_from(weights[place_of(a, b)], seen[a], key);
        weights[place_of(a, b)] = x;
        if (x > found[a]) found[a] = x;
      }
    }
    largest_of(found);
    [[unroll]] for (uint a = 0; a < kQueries; ++a) {
      shrink[a] = found[a] == nothing ? 1.0 : exp_of(largest[a] - found[a]);
      largest[a] = found[a];
      [[unroll]] for (uint b = 0; b < kChannels; ++b)
        mix[a * kChannels + b] = mix[a * kChannels + b] * shrink[a];
      for (uint b = 0; b < kOwnKeys; ++b) {
        const uint key = first + across() + kAcross * b;
        const bool sees = key >= visible[a] && key <= last[a];
        weights[place_of(a, b)] =
            sees ? exp_of(weights[place_of(a, b)] - largest[a]) : 0.0;
      }
      precise float t[kOwnKeys];
      [[unroll]] for (uint b = 0; b < kOwnKeys; ++b) t[b] = weights[place_of(a, b)];
      [[unroll]] for (uint stride = kOwnKeys / 2; stride > 0; stride /= 2) {
        [[unroll]] for (uint i = 0; i < stride; ++i) t[i] = t[i] + t[i + stride];
      }
      found[a] = t[0];
      for (uint b = 0; kEdited != 0 && b < kOwnKeys; ++b) {
        const uint key = first + across() + kAcross * b;
        const bool sees = key >= visible[a] && key <= last[a];
        if (sees && edits_of(key, seen[a].head, kOfProbabilities) != 0)
          weights[place_of(a, b)] = 0;
      }
    }
    sum_of(found);
    [[unroll]] for (uint a = 0; a < kQueries; ++a) sum[a] = fma(sum[a], shrink[a], found[a]);
    const bool all = first >= highest.visible && first + kKeys - 1 <= lowest.last;
    mix_values(first, highest.last, channel, all, false, visible, last);
  }
  [[unroll]] for (uint a = 0; a < kQueries; ++a) {
    [[unroll]] for (uint b = 0; b < kChannels; ++b)
      mix[a * kChannels + b] = mix[a * kChannels + b] / sum[a];
  }
  for (uint first = start; kEdited != 0 && first <= highest.last; first += kKeys) {
    multiply_tile(first, highest.last, channel);
    [[unroll]] for (uint a = 0; a < kQueries; ++a) {
      for (uint b = 0; b < kOwnKeys; ++b) {
        const uint key = first + across() + kAcross * b;
        const bool sees = key >= visible[a] && key <= last[a];
        const uint marks = sees ? edits_of(key, seen[a].head, kOfProbabilities) : 0;
        float weight = 0;
        if (marks != 0) {
          const float own = score_from(weights[place_of(a, b)], seen[a], key);
          weight = edited_by(marks, exp_of(own - largest[a]) / sum[a]);
        }
        weights[place_of(a, b)] = weight;
      }
    }
    mix_values(first, highest.last, channel, false, true, visible, last);
  }
  [[unroll]] for (uint a = 0; a < kQueries; ++a) {
    if (query_at[slot_of(a)] == NO_INDEX) continue;
    [[unroll]] for (uint b = 0; b < kChannels; ++b) {
      const uint d = across() + kAcross * b;
      if (d < p.head_dim) y.v[seen[a].query + d] = mix[a * kChannels + b];
    }
  }
}
