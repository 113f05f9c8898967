#version 460
// SPDX-License-Identifier: MIT
// Attention whose stretches of keys were a workgroup's each (attention.comp): adds up what they left in
// scratch, in ascending order. A workgroup has a query and LANES channels.
#include "lib/common.glsl"
#include "lib/math.glsl"

layout(push_constant, scalar) uniform Push {
  SLOT(0) Floats q;
  SLOT(1) Floats k;
  SLOT(3) Ints offsets;
  SLOT(4) Floats bias;
  SLOT(5) Floats y;
  PARAMS AttentionParams p;
  SCRATCH Scratch scratch;
};

#define ATTENTION p
#define EXTRA_AT 0
#include "lib/scores.glsl"
#include "lib/stretches.glsl"

// Stretches that are read before the first of them is waited for.
const uint kTogether = 4;
#define EACH_TOGETHER(DO) DO(0) DO(1) DO(2) DO(3)

#define FOLD(i)                                        \
  if (from + i <= last) {                              \
    const Fold fold = fold_of(level, more[i]);         \
    mixed = folded(fold, mixed, value[i]);             \
    level = fold.level;                                \
  }

void main() {
  const uint parts = (p.head_dim + LANES - 1) / LANES;
  const uint query = group() / parts;
  const uint d = group() % parts * LANES + lane();
  if (query >= p.rows * p.heads || d >= p.head_dim) return;
  const Seen seen = seen_by(query / p.heads, query % p.heads);
  const uint last = (seen.last - seen.begin) / kStretch;
  Floats found = Floats(scratch);
  Level level = Level(kNothing, 0);
  float mixed = 0;
  for (uint from = (seen.visible - seen.begin) / kStretch; from <= last; from += kTogether) {
    Level more[kTogether];
    float value[kTogether];
    [[unroll]] for (uint i = 0; i < kTogether; ++i) {
      const uint stretch = min(from + i, last);
      const uint at = level_at(seen.query, stretch);
      more[i] = Level(found.v[at], found.v[at + 1]);
      value[i] = found.v[values_at(seen.query, stretch) + d];
    }
    EACH_TOGETHER(FOLD)
  }
  y.v[seen.query + d] = mixed / level.sum;
}
