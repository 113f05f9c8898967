// SPDX-License-Identifier: MIT
// A level of the radix selection with a workgroup a block. Needs blocks.glsl and radix.glsl.
bool radix_level(uint level) {
  const Block block = block_of(group());
  if (block.idle) return false;
  if (level == 0) {
    clear_coarse();
    for (uint i = block.begin + lane(); i < block.end; i += 8 * LANES) {
      uint bits[8];  // several loads under way at once
      [[unroll]] for (uint j = 0; j < 8; ++j)
        bits[j] = i + j * LANES < block.end ? bits_at(i + j * LANES) : 0;
      [[unroll]] for (uint j = 0; j < 8; ++j) {
        if (i + j * LANES < block.end) count_coarse(bits[j]);
      }
    }
    merge_coarse(block.sequence);
  } else {
    count_fine(block.sequence, block.begin, block.end, level);
  }
  return radix_arrive(block.sequence, level, slots_of(block.sequence));
}
