// SPDX-License-Identifier: MIT
// The k largest of each sequence from the k-th largest magnitude: what is larger and the first of
// what equals it are candidates, which the last workgroup of the sequence puts in order. Needs
// `bits_at`, blocks.glsl and the functions declared here.
uint top_begin();       // where in scratch this may begin
uint top_key(uint s);   // the magnitude of the last one wanted, or NO_INDEX
void top_give(uint s, uint place, uint value, uint index);

uint wanted(uint s) { return min(p.k, count_of(s)); }
uint larger_at(uint s) { return top_begin() + s; }  // how many are larger than the key
uint candidate_at(uint s, uint i) { return top_begin() + p.sequences + 2 * (s * p.k + i); }
uint top_end() { return candidate_at(p.sequences, 0); }

uint top_limit(uint s) {
  const uint key = top_key(s);
  return key == NO_INDEX ? NO_INDEX : key + 1;
}

void top_candidate(Block block, uint i, uint kind, uint ordinal) {
  const uint place = kind == 1 ? scratch.v[larger_at(block.sequence)] + ordinal : ordinal;
  if (place >= wanted(block.sequence)) return;
  const uint at = candidate_at(block.sequence, place);
  scratch.v[at] = magnitude(bits_at(i));
  scratch.v[at + 1] = i - block.origin;
}

uvec2 candidate(uint s, uint i) {
  const uint at = candidate_at(s, i);
  return uvec2(scratch.v[at], scratch.v[at + 1]);
}

// By a workgroup; a candidate's place is the number of those that beat it.
void top_order(uint s) {
  for (uint i = lane(); i < p.k; i += LANES) {
    if (i >= wanted(s)) {
      top_give(s, i, 0, NO_INDEX);
      continue;
    }
    const uvec2 own = candidate(s, i);
    uint place = 0;
    for (uint j = 0; j < wanted(s); ++j) place += beats(candidate(s, j), own) ? 1 : 0;
    top_give(s, place, bits_at(begin_of(s) + own.y), own.y);
  }
}
