// SPDX-License-Identifier: MIT
// Order statistics of |x| per sequence by radix selection on the bits: histograms of 11, 10 and 10
// bits, each followed by the search for the bin that holds the rank. Counts only, so that the result
// is exact and the same on every device. Needs blocks.glsl, `scratch` and the functions declared
// here; scratch begins cleared.
const uint kCoarse = 2048;  // bins of level 0
const uint kFine = 1024;    // of levels 1 and 2

uint ranks_per_sequence();
uint rank_asked(uint s, uint q);               // from 0, the smallest
void found(uint s, uint q, bool there, uint key);  // called at level 2 by one lane

// (bits found so far or NO_INDEX where there is no such element, rank among those that share them)
uint state_at(uint s, uint q) { return 2 * (s * ranks_per_sequence() + q); }
uint coarse_at(uint s) { return 2 * p.sequences * ranks_per_sequence() + s * kCoarse; }
uint fine_at(uint s, uint q) {
  return coarse_at(p.sequences) + (s * ranks_per_sequence() + q) * kFine;
}
uint radix_words() { return fine_at(p.sequences, 0); }

shared uint radix_room[kCoarse];

void count_coarse(Block block) {
  for (uint i = lane(); i < kCoarse; i += LANES) radix_room[i] = 0;
  barrier();
  for (uint i = block.begin + lane(); i < block.end; i += LANES) {
    atomicAdd(radix_room[magnitude(x.v[i]) >> 20], 1);
  }
  barrier();
  for (uint i = lane(); i < kCoarse; i += LANES) {
    if (radix_room[i] != 0) atomicAdd(scratch.v[coarse_at(block.sequence) + i], radix_room[i]);
  }
}

void count_fine(Block block, uint level) {
  const uint shift = level == 1 ? 20 : 10;
  for (uint i = block.begin + lane(); i < block.end; i += LANES) {
    const uint key = magnitude(x.v[i]);
    const uint digit = (key >> (shift - 10)) & (kFine - 1);
    for (uint q = 0; q < ranks_per_sequence(); ++q) {
      if (scratch.v[state_at(block.sequence, q)] != key >> shift) continue;
      atomicAdd(scratch.v[fine_at(block.sequence, q) + digit], 1);
    }
  }
}

// A workgroup a block.
void radix_count(uint level) {
  if (group() >= all_slots()) return;
  const Block block = block_of(group());
  if (block.begin >= block.end) return;
  if (level == 0) count_coarse(block);
  else count_fine(block, level);
}

// A workgroup a rank.
void radix_find(uint level) {
  const uint s = group() / ranks_per_sequence();
  const uint q = group() % ranks_per_sequence();
  if (s >= p.sequences) return;
  const uint state = state_at(s, q);
  const uint bits = level == 0 ? 0 : scratch.v[state];
  const uint rank = level == 0 ? rank_asked(s, q) : scratch.v[state + 1];
  const bool there = level == 0 ? rank < count_of(s) : bits != NO_INDEX;
  const uint share = (level == 0 ? kCoarse : kFine) / LANES;
  const uint bins = (level == 0 ? coarse_at(s) : fine_at(s, q)) + lane() * share;
  uint own = 0;
  for (uint i = 0; i < share; ++i) own += scratch.v[bins + i];
  radix_room[lane()] = own;
  barrier();
  uint before = 0;
  for (uint i = 0; i < lane(); ++i) before += radix_room[i];
  if (!there && lane() == 0) {
    scratch.v[state] = NO_INDEX;
    if (level == 2) found(s, q, false, 0);
  }
  if (there && rank >= before && rank < before + own) {
    uint bin = 0;
    while (rank >= before + scratch.v[bins + bin]) before += scratch.v[bins + bin++];
    const uint key = (bits << 10) + lane() * share + bin;
    scratch.v[state] = key;
    scratch.v[state + 1] = rank - before;
    if (level == 2) found(s, q, true, key);
  }
  if (level == 0) return;
  for (uint i = 0; i < share; ++i) scratch.v[bins + i] = 0;  // the next level counts here
}
