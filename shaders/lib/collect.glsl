// SPDX-License-Identifier: MIT
// Gathers elements of each sequence in ascending index order, in two passes: count them by block,
// whereupon the last workgroup of a sequence sums the counts before each block; write. Three kinds
// at once: magnitudes from one limit on (x), those just below that limit (y), and those from
// another limit on (z); a limit of NO_INDEX is met by none. Needs `bits_at`, blocks.glsl, arrive.glsl and
// the functions declared here.
uint collect_begin();     // where in scratch this may begin
uint collect_counter(uint s);  // begins at 0
uvec2 limits_of(uint s);
void counted(uint s, uvec3 total);  // called by every lane of one workgroup
void write(Block block, uint i, uint kind, uint ordinal);

uint counts_at(uint slot) { return collect_begin() + 6 * slot; }
uint bases_at(uint slot) { return counts_at(slot) + 3; }
uint collect_end() { return counts_at(all_slots()); }

uvec3 kinds_of(uint bits, uvec2 limits) {
  const uint key = magnitude(bits);
  return uvec3(key >= limits.x ? 1 : 0, key + 1 == limits.x ? 1 : 0, key >= limits.y ? 1 : 0);
}

uvec3 load_three(uint at) { return uvec3(scratch.v[at], scratch.v[at + 1], scratch.v[at + 2]); }
void store_three(uint at, uvec3 value) {
  scratch.v[at] = value.x;
  scratch.v[at + 1] = value.y;
  scratch.v[at + 2] = value.z;
}

shared uvec3 scan_room[LANES];
shared uint collect_some;  // which of several tiles have any

// The sum of the lanes before this one, and of all.
uvec3 scan_lanes(uvec3 own, out uvec3 all) {
  scan_room[lane()] = own;
  barrier();
  for (uint reach = 1; reach < LANES; reach *= 2) {
    const uvec3 left = lane() >= reach ? scan_room[lane() - reach] : uvec3(0);
    barrier();
    scan_room[lane()] += left;
    barrier();
  }
  const uvec3 sum = scan_room[lane()];
  all = scan_room[LANES - 1];
  barrier();
  return sum - own;
}

// Counts of slots from this one on, several loads under way at once; none behind the last.
#define COUNTS_AT_ONCE 8
void load_counts(uint slot, uint end, out uvec3 counts[COUNTS_AT_ONCE]) {
  [[unroll]] for (uint j = 0; j < COUNTS_AT_ONCE; ++j)
    counts[j] = load_three(counts_at(min(slot + j, end - 1)));
  [[unroll]] for (uint j = 0; j < COUNTS_AT_ONCE; ++j)
    counts[j] = mix(uvec3(0), counts[j], bvec3(slot + j < end));
}

// By a workgroup, where the sequence's counts are complete: a lane a run of blocks.
void collect_sum(uint s) {
  const uint share = (slots_of(s) + LANES - 1) / LANES;
  const uint end_of_all = first_slot(s) + slots_of(s);
  const uint begin = min(first_slot(s) + lane() * share, end_of_all);
  const uint end = min(begin + share, end_of_all);
  uvec3 counts[COUNTS_AT_ONCE];
  uvec3 own = uvec3(0);
  for (uint slot = begin; slot < end; slot += COUNTS_AT_ONCE) {
    load_counts(slot, end, counts);
    [[unroll]] for (uint j = 0; j < COUNTS_AT_ONCE; ++j) own += counts[j];
  }
  uvec3 all;
  uvec3 before = scan_lanes(own, all);
  for (uint slot = begin; slot < end; slot += COUNTS_AT_ONCE) {
    load_counts(slot, end, counts);
    [[unroll]] for (uint j = 0; j < COUNTS_AT_ONCE; ++j) {
      if (slot + j < end) store_three(bases_at(slot + j), before);
      before += counts[j];
    }
  }
  counted(s, all);
}

// A workgroup a block.
void collect_count() {
  const Block block = block_of(group());
  if (block.idle) return;
  const uvec2 limits = limits_of(block.sequence);
  uvec3 own = uvec3(0);
  for (uint i = block.begin + lane(); i < block.end; i += 8 * LANES) {
    [[unroll]] for (uint j = 0; j < 8; ++j) {  // several loads under way at once
      if (i + j * LANES < block.end) own += kinds_of(bits_at(i + j * LANES), limits);
    }
  }
  uvec3 all;
  scan_lanes(own, all);
  if (lane() == 0) store_three(counts_at(group()), all);
  if (arrives_last(collect_counter(block.sequence), slots_of(block.sequence)))
    collect_sum(block.sequence);
}

// A workgroup a block, which must not be idle.
void collect_write(Block block) {
  const uvec2 limits = limits_of(block.sequence);
  const uvec3 counts = load_three(counts_at(group()));
  if (counts == uvec3(0)) return;
  uvec3 before = load_three(bases_at(group()));
  // Most tiles have none: several are looked through together.
  for (uint tile = block.begin; tile < block.end; tile += 8 * LANES) {
    if (lane() == 0) collect_some = 0;
    barrier();
    uint some = 0;
    [[unroll]] for (uint j = 0; j < 8; ++j) {
      const uint i = tile + j * LANES + lane();
      if (i < block.end && kinds_of(bits_at(i), limits) != uvec3(0)) some |= 1u << j;
    }
    if (some != 0) atomicOr(collect_some, some);
    barrier();
    for (uint left = collect_some; left != 0; left &= left - 1) {
      const uint i = tile + uint(findLSB(left)) * LANES + lane();
      const uvec3 own = i < block.end ? kinds_of(bits_at(i), limits) : uvec3(0);
      uvec3 all;
      const uvec3 ordinal = before + scan_lanes(own, all);
      for (uint kind = 0; kind < 3; ++kind) {
        if (own[kind] != 0) write(block, i, kind, ordinal[kind]);
      }
      before += all;
    }
    barrier();
  }
}
