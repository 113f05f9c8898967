// SPDX-License-Identifier: MIT
// Gathers elements of each sequence in ascending index order, in three passes: count them by block,
// sum the counts before each block, write. Two kinds at once: those whose magnitude is at least a
// limit (x) and those just below it (y). Needs blocks.glsl, `scratch` and the functions declared
// here.
uint collect_at();       // where in scratch this may begin
uint limit_of(uint s);   // magnitudes from here on are of the first kind
bool wants_equal();      // whether the second kind, magnitude + 1 == limit, counts
void counted(uint s, uvec2 total);  // called by one lane
void write(Block block, uint i, bool equal, uint ordinal);

uint counts_at(uint slot) { return collect_at() + 4 * slot; }
uint bases_at(uint slot) { return collect_at() + 4 * slot + 2; }

uvec2 kind_of(uint bits, uint limit) {
  const uint key = magnitude(bits);
  return uvec2(key >= limit ? 1 : 0, wants_equal() && key + 1 == limit ? 1 : 0);
}

shared uvec2 scan_room[LANES];

// The sum of the lanes before this one, and of all.
uvec2 scan_lanes(uvec2 own, out uvec2 all) {
  scan_room[lane()] = own;
  barrier();
  for (uint reach = 1; reach < LANES; reach *= 2) {
    const uvec2 left = lane() >= reach ? scan_room[lane() - reach] : uvec2(0);
    barrier();
    scan_room[lane()] += left;
    barrier();
  }
  const uvec2 sum = scan_room[lane()];
  all = scan_room[LANES - 1];
  barrier();
  return sum - own;
}

// A workgroup a block.
void collect_count() {
  if (group() >= all_slots()) return;
  const Block block = block_of(group());
  const uint limit = limit_of(block.sequence);
  uvec2 own = uvec2(0);
  for (uint i = block.begin + lane(); i < block.end; i += LANES) own += kind_of(x.v[i], limit);
  uvec2 all;
  scan_lanes(own, all);
  if (lane() != 0) return;
  scratch.v[counts_at(group())] = all.x;
  scratch.v[counts_at(group()) + 1] = all.y;
}

// A workgroup a sequence.
void collect_sum() {
  const uint s = group();
  if (s >= p.sequences) return;
  const uint first = first_slot(s);
  const uint end = first + slots_of(s);
  uvec2 before = uvec2(0);
  for (uint tile = first; tile < end; tile += LANES) {
    const uint slot = tile + lane();
    uvec2 own = uvec2(0);
    if (slot < end) own = uvec2(scratch.v[counts_at(slot)], scratch.v[counts_at(slot) + 1]);
    uvec2 all;
    const uvec2 base = before + scan_lanes(own, all);
    if (slot < end) {
      scratch.v[bases_at(slot)] = base.x;
      scratch.v[bases_at(slot) + 1] = base.y;
    }
    before += all;
  }
  if (lane() == 0) counted(s, before);
}

// A workgroup a block.
void collect_write() {
  if (group() >= all_slots()) return;
  const Block block = block_of(group());
  const uint limit = limit_of(block.sequence);
  const uint slot = group();
  if (block.begin >= block.end) return;
  if (scratch.v[counts_at(slot)] + scratch.v[counts_at(slot) + 1] == 0) return;
  uvec2 before = uvec2(scratch.v[bases_at(slot)], scratch.v[bases_at(slot) + 1]);
  for (uint tile = block.begin; tile < block.end; tile += LANES) {
    const uint i = tile + lane();
    const uvec2 own = i < block.end ? kind_of(x.v[i], limit) : uvec2(0);
    uvec2 all;
    const uvec2 ordinal = before + scan_lanes(own, all);
    if (own.x != 0) write(block, i, false, ordinal.x);
    if (own.y != 0) write(block, i, true, ordinal.y);
    before += all;
  }
}
