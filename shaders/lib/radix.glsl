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
#define RADIX_WORDS 2304  // the bins and for each lane, 256 at most, the sum of its own; or sums of ranks
#ifndef RADIX_ROOM
#define RADIX_ROOM RADIX_WORDS
#endif
shared uint radix_room[RADIX_ROOM];
const uint kSumsAt = kCoarse;

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

// Elements [begin, end) of the sequence. Several loads are under way at once.
void count_fine(uint s, uint begin, uint end, uint level) {
  const uint shift = level == 1 ? 20 : 10;
  for (uint first = 0; first < ranks_per_sequence(); first += kStates) {
    const uint states = min(kStates, ranks_per_sequence() - first);
    barrier();
    for (uint q = lane(); q < states; q += LANES)
      radix_room[q] = scratch.v[state_at(s, first + q)];
    barrier();
    for (uint i = begin + lane(); i < end; i += 8 * LANES) {
      uint keys[8];
      [[unroll]] for (uint j = 0; j < 8; ++j)
        keys[j] = i + j * LANES < end ? magnitude(bits_at(i + j * LANES)) : NO_INDEX;
      for (uint q = 0; q < states; ++q) {
        const uint state = radix_room[q];
        const uint at = fine_at(s, first + q);
        [[unroll]] for (uint j = 0; j < 8; ++j) {
          if (state == keys[j] >> shift && i + j * LANES < end)
            atomicAdd(scratch.v[at + ((keys[j] >> (shift - 10)) & (kFine - 1))], 1);
        }
      }
    }
  }
}

// Of `bins` bins, a power of two, that lie in radix_room: how many elements are in those before each
// lane's share of them, to the words from kSumsAt on.
void sum_bins(uint bins) {
  const uint share = bins / LANES;
  uint own = 0;
  for (uint i = 0; i < share; ++i)  // from another one each lane, so that no bank is waited for
    own += radix_room[lane() * share + (i + lane()) % share];
  radix_room[kSumsAt + lane()] = own;
  barrier();
  for (uint reach = 1; reach < LANES; reach *= 2) {
    const uint left = lane() >= reach ? radix_room[kSumsAt + lane() - reach] : 0;
    barrier();
    radix_room[kSumsAt + lane()] += left;
    barrier();
  }
  const uint sum = radix_room[kSumsAt + lane()];
  barrier();
  radix_room[kSumsAt + lane()] = sum - own;
  barrier();
}

// The bin that holds this rank, with its rank there. There must be one.
uvec2 bin_of(uint rank, uint bins) {
  uint low = 0;
  uint high = LANES;
  while (low + 1 < high) {
    const uint middle = (low + high) / 2;
    if (radix_room[kSumsAt + middle] <= rank) low = middle;
    else high = middle;
  }
  uint before = radix_room[kSumsAt + low];
  uint bin = low * (bins / LANES);
  while (bin + 1 < bins && rank >= before + radix_room[bin]) before += radix_room[bin++];
  return uvec2(bin, rank - before);
}

// All ranks of a sequence, by a whole workgroup: a lane a rank, in one histogram.
void find_coarse(uint s) {
  barrier();
  for (uint i = lane(); i < kCoarse; i += 8 * LANES) {
    [[unroll]] for (uint j = 0; j < 8; ++j) {
      if (i + j * LANES < kCoarse) radix_room[i + j * LANES] = scratch.v[coarse_at(s) + i + j * LANES];
    }
  }
  barrier();
  sum_bins(kCoarse);
  for (uint q = lane(); q < ranks_per_sequence(); q += LANES) {
    const uint rank = rank_asked(s, q);
    uvec2 state = uvec2(NO_INDEX, 0);
    if (rank < count_of(s)) state = bin_of(rank, kCoarse);
    scratch.v[state_at(s, q)] = state.x;
    scratch.v[state_at(s, q) + 1] = state.y;
  }
}

// Likewise, each in a histogram of its own, which is clear again behind it: the next level counts
// there. What each lane's share of the bins holds is summed for many ranks at once, then a lane a
// rank looks for its bin.
const uint kMostShare = 16;  // of a lane, where there are 64 or more
const uint kSumsPitch = LANES + 1;
const uint kTogether = RADIX_WORDS / kSumsPitch < 32 ? RADIX_WORDS / kSumsPitch : 32;

uint share_at(uint s, uint q, uint of_lane) { return fine_at(s, q) + of_lane * (kFine / LANES); }

void find_bin(uint s, uint q, uint sums, uint level) {
  const uint bits = scratch.v[state_at(s, q)];
  const uint rank = scratch.v[state_at(s, q) + 1];
  const bool there = bits != NO_INDEX && rank < count_of(s);  // nobody counted no rows
  uvec2 state = uvec2(NO_INDEX, 0);
  if (there) {
    uint before = 0;
    uint of_lane = 0;
    while (of_lane + 1 < LANES && rank >= before + radix_room[sums + of_lane])
      before += radix_room[sums + of_lane++];
    const uint at = share_at(s, q, of_lane);
    uint bins[kMostShare];  // all on their way at once
    [[unroll]] for (uint i = 0; i < kMostShare; ++i) bins[i] = i < kFine / LANES ? scratch.v[at + i] : 0;
    uint bin = of_lane * (kFine / LANES);
    bool before_it = true;
    [[unroll]] for (uint i = 0; i < kMostShare; ++i) {
      before_it = before_it && i + 1 < kFine / LANES && rank >= before + bins[i];
      if (before_it) {
        before += bins[i];
        ++bin;
      }
    }
    state = uvec2((bits << 10) + bin, rank - before);
  }
  scratch.v[state_at(s, q)] = state.x;
  scratch.v[state_at(s, q) + 1] = state.y;
  if (level == 2) found(s, q, there, state.x);
}

void find_fine(uint s, uint level) {
  for (uint first = 0; first < ranks_per_sequence(); first += kTogether) {
    const uint ranks = min(kTogether, ranks_per_sequence() - first);
    barrier();
    for (uint q = 0; q < ranks; ++q) {
      const uint at = share_at(s, first + q, lane());
      uint own = 0;
      [[unroll]] for (uint i = 0; i < kMostShare; ++i)
        if (i < kFine / LANES) own += scratch.v[at + i];
      radix_room[q * kSumsPitch + lane()] = own;
    }
    barrier();
    for (uint q = lane(); q < ranks; q += LANES) find_bin(s, first + q, q * kSumsPitch, level);
    memoryBarrierBuffer();  // the bins were read
    barrier();
    for (uint i = lane(); i < ranks * kFine; i += LANES) scratch.v[fine_at(s, first) + i] = 0;
  }
}

// Ends a level of a sequence: `all` workgroups count it. True in the one that ended it.
bool radix_arrive(uint s, uint level, uint all) {
  if (!arrives_last(counter_at(level, s), all)) return false;
  if (level == 0) find_coarse(s);
  else find_fine(s, level);
  return true;
}
