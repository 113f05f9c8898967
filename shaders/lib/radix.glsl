// SPDX-License-Identifier: MIT
// Order statistics of |x| per sequence by radix selection on the bits: histograms of 11, 10 and 10
// bits, each followed by the search for the bin that holds the rank, which the last workgroup to
// count does. Counts only, so that the result is exact and the same on every device. Needs `bits_at`,
// spans.glsl, arrive.glsl and the functions declared here; the words from radix_begin() on begin
// cleared.
const uint kLevels = 3;
const uint kCoarse = 2048;  // bins of level 0
const uint kFine = 1024;    // of levels 1 and 2
const uint kStates = 64;    // ranks that are looked at together

uint bits_at(uint i);  // of element i
uint radix_begin();
uint ranks_per_sequence();
uint rank_asked(uint s, uint q);                    // from 0, the smallest
void found(uint s, uint q, bool there, uint key);  // called at level 2 by one lane

uint counter_at(uint level, uint s) { return radix_begin() + level * p.sequences + s; }
// (bits found so far or NO_INDEX where there is no such element, rank among those that share them)
uint state_at(uint s, uint q) {
  return radix_begin() + kLevels * p.sequences + 2 * (s * ranks_per_sequence() + q);
}
uint coarse_at(uint s) { return state_at(p.sequences, 0) + s * kCoarse; }
uint fine_at(uint s, uint q) {
  return coarse_at(p.sequences) + (s * ranks_per_sequence() + q) * kFine;
}
uint radix_end() { return fine_at(p.sequences, 0); }

// A shader that may be made without statistics says how large it is: shared memory that is not used
// would keep workgroups from running side by side.
#ifndef RADIX_ROOM
#define RADIX_ROOM kCoarse
#endif
shared uint radix_room[RADIX_ROOM];

void clear_coarse() {
  for (uint i = lane(); i < kCoarse; i += LANES) radix_room[i] = 0;
  barrier();
}
void count_coarse(uint bits) { atomicAdd(radix_room[magnitude(bits) >> 20], 1); }
void merge_coarse(uint s) {
  barrier();
  for (uint i = lane(); i < kCoarse; i += LANES) {
    if (radix_room[i] != 0) atomicAdd(scratch.v[coarse_at(s) + i], radix_room[i]);
  }
}

// Elements [begin, end) of the sequence.
void count_fine(uint s, uint begin, uint end, uint level) {
  const uint shift = level == 1 ? 20 : 10;
  for (uint first = 0; first < ranks_per_sequence(); first += kStates) {
    const uint states = min(kStates, ranks_per_sequence() - first);
    barrier();
    for (uint q = lane(); q < states; q += LANES)
      radix_room[q] = scratch.v[state_at(s, first + q)];
    barrier();
    for (uint i = begin + lane(); i < end; i += LANES) {
      const uint key = magnitude(bits_at(i));
      for (uint q = 0; q < states; ++q) {
        if (radix_room[q] != key >> shift) continue;
        atomicAdd(scratch.v[fine_at(s, first + q) + ((key >> (shift - 10)) & (kFine - 1))], 1);
      }
    }
  }
}

// One rank of a sequence, by a whole workgroup.
void radix_find(uint s, uint q, uint level) {
  const uint state = state_at(s, q);
  const uint bits = level == 0 ? 0 : scratch.v[state];
  const uint rank = level == 0 ? rank_asked(s, q) : scratch.v[state + 1];
  const bool there = rank < count_of(s) && bits != NO_INDEX;
  const uint share = (level == 0 ? kCoarse : kFine) / LANES;
  const uint bins = (level == 0 ? coarse_at(s) : fine_at(s, q)) + lane() * share;
  uint own = 0;
  for (uint i = 0; i < share; ++i) own += scratch.v[bins + i];
  barrier();
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

// Ends a level of a sequence: `all` workgroups count it. True in the one that ended it.
bool radix_arrive(uint s, uint level, uint all) {
  if (!arrives_last(counter_at(level, s), all)) return false;
  for (uint q = 0; q < ranks_per_sequence(); ++q) radix_find(s, q, level);
  return true;
}
