#version 460
// SPDX-License-Identifier: MIT
// Passes 0 to 5 find the k-th largest magnitude (lib/radix.glsl), 6 to 8 gather what is larger and
// the first of what equals it (lib/collect.glsl), 9 puts these in order.
#include "lib/common.glsl"
#include "lib/largest.glsl"

layout(constant_id = 2) const uint kPass = 0;

layout(push_constant, scalar) uniform Push {
  SLOT(0) Uints x;
  SLOT(1) Ints offsets;
  SLOT(2) Uints value;
  SLOT(3) Uints index;
  PARAMS SelectParams p;
  SCRATCH Uints scratch;
};

#include "lib/blocks.glsl"
#include "lib/collect.glsl"
#include "lib/radix.glsl"

uint wanted(uint s) { return min(p.k, count_of(s)); }

uint ranks_per_sequence() { return 1; }
uint rank_asked(uint s, uint q) { return count_of(s) - wanted(s); }
void found(uint s, uint q, bool there, uint key) {}

// After the radix's words: how many are larger, by sequence; the candidates (magnitude, index); the
// counts of the blocks.
uint larger_at(uint s) { return radix_words() + s; }
uint candidate_at(uint s, uint i) { return radix_words() + p.sequences + 2 * (s * p.k + i); }
uint collect_at() { return candidate_at(p.sequences, 0); }
uint limit_of(uint s) {
  const uint key = scratch.v[state_at(s, 0)];
  return key == NO_INDEX ? NO_INDEX : key + 1;
}
bool wants_equal() { return true; }
void counted(uint s, uvec2 total) { scratch.v[larger_at(s)] = total.x; }
void write(Block block, uint i, bool equal, uint ordinal) {
  const uint place = equal ? scratch.v[larger_at(block.sequence)] + ordinal : ordinal;
  if (place >= wanted(block.sequence)) return;
  const uint at = candidate_at(block.sequence, place);
  scratch.v[at] = magnitude(x.v[i]);
  scratch.v[at + 1] = i - block.origin;
}

uvec2 candidate(uint s, uint i) {
  const uint at = candidate_at(s, i);
  return uvec2(scratch.v[at], scratch.v[at + 1]);
}

// One lane a candidate: its place is the number of those that beat it.
void order() {
  const uint across = (p.k + LANES - 1) / LANES;
  const uint s = group() / across;
  const uint i = group() % across * LANES + lane();
  if (s >= p.sequences || i >= p.k) return;
  if (i >= wanted(s)) {
    value.v[s * p.k + i] = 0;
    index.v[s * p.k + i] = NO_INDEX;
    return;
  }
  const uvec2 own = candidate(s, i);
  uint place = 0;
  for (uint j = 0; j < wanted(s); ++j) place += beats(candidate(s, j), own) ? 1 : 0;
  value.v[s * p.k + place] = x.v[begin_of(s) + own.y];
  index.v[s * p.k + place] = own.y;
}

void main() {
  switch (kPass) {
    case 6: collect_count(); return;
    case 7: collect_sum(); return;
    case 8: collect_write(); return;
    case 9: order(); return;
    default: break;
  }
  if (kPass % 2 == 0) radix_count(kPass / 2);
  else radix_find(kPass / 2);
}
