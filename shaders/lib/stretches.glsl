// SPDX-License-Identifier: MIT
// Attention's keys fall into stretches, counted from the sequence's first key. What a query finds in
// one is summed up on its own, with a running maximum that begins anew, and then added, in ascending
// order, to what it found before; whether a workgroup goes through all of them or each has its own
// changes no bit (law 2). A stretch of which the query sees nothing changes none either. Needs
// lib/math.glsl, lib/scores.glsl, and `scratch`.
#include "backend/vulkan/attention_stretch.h"

const uint kStretch = TEPUI_ATTENTION_STRETCH;

#define kNothing uintBitsToFloat(0xff800000u)  // the largest score of no keys

// By what the values from before and those of a stretch are multiplied, and what both have found.
struct Fold {
  float before;
  float more;
  Level level;
};

// A stretch of nothing is multiplied by e^-infinity.
Fold fold_of(Level before, Level more) {
  if (before.largest == kNothing && before.sum == 0) return Fold(0, 1, more);
  const float largest = max(before.largest, more.largest);
  precise float less = before.largest - largest;
  precise float lower = more.largest - largest;
  const float factor = exp_of(less);
  const float own = exp_of(lower);
  return Fold(factor, own, Level(largest, fma(before.sum, factor, more.sum * own)));
}

// What is multiplied by 0 is not looked at. The product is added by fma: nothing to contract.
float folded(Fold fold, float before, float more) {
  if (fold.before == 0) return more;
  return fold.more == 0 ? before : fma(before, fold.before, more * fold.more);
}

// Where each stretch is a workgroup's, what the query that begins at `query` in q found in it lies in
// scratch: its mixed values, and behind those of all its level.
uint stretches() { return (ATTENTION.cached + kStretch - 1) / kStretch; }
uint values_at(uint query, uint stretch) {
  return query * stretches() + stretch * ATTENTION.head_dim;
}
uint level_at(uint query, uint stretch) {
  const uint queries = ATTENTION.rows * ATTENTION.heads;
  const uint before = query / ATTENTION.head_dim * stretches() + stretch;
  return queries * stretches() * ATTENTION.head_dim + 2 * before;
}
