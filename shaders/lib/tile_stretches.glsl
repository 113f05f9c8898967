// SPDX-License-Identifier: MIT
// What becomes of what one of attention.comp's queries found in a stretch of keys, when that ends
// (lib/stretches.glsl).
void write(uint a, Floats to, uint at) {
  [[unroll]] for (uint b = 0; b < kVectors; ++b) {
    [[unroll]] for (uint c = 0; c < 4; ++c) {
      const uint d = 4 * key_of(b) + c;
      if (d < p.head_dim) to.v[at + d] = mixed[a * kVectors + b][c];
    }
  }
}
#define WRITE(a) \
  if (visible[a] <= last[a]) write(a, y, seen[a].query);

// Adds it to what was found before, and begins the next one.
void fold_mixed(uint a, Fold fold, uint query) {
  [[unroll]] for (uint b = 0; b < kVectors; ++b) {
    [[unroll]] for (uint c = 0; c < 4; ++c) {
      const float before = y.v[query + min(4 * key_of(b) + c, p.head_dim - 1)];
      mixed[a * kVectors + b][c] = folded(fold, before, mixed[a * kVectors + b][c]);
    }
  }
}
#define FOLD(a)                                                                \
  {                                                                            \
    const Fold fold = fold_of(earlier[slot_of(a)], Level(largest[a], sum[a])); \
    if (fold.before != 0) fold_mixed(a, fold, seen[a].query);                  \
    largest[a] = fold.level.largest;                                           \
    sum[a] = fold.level.sum;                                                   \
  }
#define BEGIN(a)                                                      \
  if (across() == 0) earlier[slot_of(a)] = Level(largest[a], sum[a]); \
  largest[a] = kNothing;                                              \
  sum[a] = 0;                                                         \
  [[unroll]] for (uint b = 0; b < kVectors; ++b) mixed[a * kVectors + b] = vec4(0);

// With kApart: leaves it to attention_fold.comp.
void leave(uint a, uint query, uint stretch, Level level) {
  Floats found = Floats(scratch);
  write(a, found, values_at(query, stretch));
  const uint at = level_at(query, stretch);
  if (across() == 0) found.v[at] = level.largest;
  if (across() == 0) found.v[at + 1] = level.sum;
}
#define LEAVE(a) \
  if (visible[a] <= last[a]) leave(a, seen[a].query, stretch, Level(largest[a], sum[a]));
