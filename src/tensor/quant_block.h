// SPDX-License-Identifier: MIT
// What an element of a quantised block is (GGUF's types; the layouts are ggml's block_q* structs,
// the arithmetic that of the gguf package's quants.py). Read by C++ and by GLSL, so that the
// reference and the shaders cannot differ. Whoever includes it says what a Block is, how to read a
// byte of it (byte_at) and a half at a byte (half_at), and what opens a function (TEPUI_BLOCK_FN).
//
// Every product of scales and levels fits 24 bits and is exact; a difference or a sum is rounded
// once. A multiply-add that a compiler fuses therefore changes nothing.

// Two's complement.
TEPUI_BLOCK_FN float signed_byte(Block b, uint i) {
  const int x = int(byte_at(b, i));
  return float(x < 128 ? x : x - 256);
}
// Element i of 32 whose low halves of bytes come first.
TEPUI_BLOCK_FN uint nibble_of_32(Block b, uint at, uint i) {
  return (byte_at(b, at + (i & 15u)) >> (4u * (i >> 4))) & 15u;
}
TEPUI_BLOCK_FN uint bit_of_32(Block b, uint at, uint i) {
  return (byte_at(b, at + (i >> 3)) >> (i & 7u)) & 1u;
}

// half scale, 32 signed bytes
TEPUI_BLOCK_FN float q8_0_element(Block b, uint i) {
  return signed_byte(b, 2u + i) * half_at(b, 0u);
}
// half scale, 16 bytes of nibbles
TEPUI_BLOCK_FN float q4_0_element(Block b, uint i) {
  return half_at(b, 0u) * float(int(nibble_of_32(b, 2u, i)) - 8);
}
// half scale, half minimum, 16 bytes of nibbles
TEPUI_BLOCK_FN float q4_1_element(Block b, uint i) {
  return half_at(b, 0u) * float(nibble_of_32(b, 4u, i)) + half_at(b, 2u);
}
// half scale, 32 fifth bits, 16 bytes of nibbles
TEPUI_BLOCK_FN float q5_0_element(Block b, uint i) {
  const uint level = nibble_of_32(b, 6u, i) | (bit_of_32(b, 2u, i) << 4);
  return half_at(b, 0u) * float(int(level) - 16);
}
// half scale, half minimum, 32 fifth bits, 16 bytes of nibbles
TEPUI_BLOCK_FN float q5_1_element(Block b, uint i) {
  const uint level = nibble_of_32(b, 8u, i) | (bit_of_32(b, 4u, i) << 4);
  return half_at(b, 0u) * float(level) + half_at(b, 2u);
}

// Element i of 256 with two bits each: 32 bytes hold 128 of them, the lowest bits first.
TEPUI_BLOCK_FN uint pair_of_256(Block b, uint at, uint i) {
  return (byte_at(b, at + ((i >> 7) << 5) + (i & 31u)) >> (2u * ((i >> 5) & 3u))) & 3u;
}
// Element i of 256 with four bits each: 32 bytes hold 64 of them, the low halves first.
TEPUI_BLOCK_FN uint nibble_of_256(Block b, uint at, uint i) {
  return (byte_at(b, at + ((i >> 6) << 5) + (i & 31u)) >> (4u * ((i >> 5) & 1u))) & 15u;
}

// 16 bytes of scales (low) and minima (high) of 16 elements each, 64 bytes of pairs, half scale,
// half minimum
TEPUI_BLOCK_FN float q2_k_element(Block b, uint i) {
  const uint factors = byte_at(b, i >> 4);
  return half_at(b, 80u) * float(factors & 15u) * float(pair_of_256(b, 16u, i)) -
         half_at(b, 82u) * float(factors >> 4);
}

// The 6-bit scale j of 16 in 12 bytes: 8 of low halves, 4 of high pairs.
TEPUI_BLOCK_FN int q3_k_scale(Block b, uint j) {
  const uint low = (byte_at(b, 96u + (j & 7u)) >> (4u * (j >> 3))) & 15u;
  const uint high = (byte_at(b, 104u + (j & 3u)) >> (2u * (j >> 2))) & 3u;
  return int(low | (high << 4)) - 32;
}
// 32 bytes of third bits (one of each byte for 32 elements; 0: minus 4), 64 bytes of pairs, 12
// bytes of scales, half scale
TEPUI_BLOCK_FN float q3_k_element(Block b, uint i) {
  const uint third = (byte_at(b, i & 31u) >> (i >> 5)) & 1u;
  const int level = int(pair_of_256(b, 32u, i) | (third << 2)) - 4;
  return half_at(b, 108u) * float(q3_k_scale(b, i >> 4)) * float(level);
}

// The 6-bit scale and minimum j of 8 in the 12 bytes at 4: the first four of each whole in the low
// bits of a byte, the others in a half byte and the top of an earlier one.
TEPUI_BLOCK_FN uint q4_k_scale(Block b, uint j) {
  return j < 4u ? byte_at(b, 4u + j) & 63u
                : (byte_at(b, 8u + j) & 15u) | ((byte_at(b, j) >> 6) << 4);
}
TEPUI_BLOCK_FN uint q4_k_minimum(Block b, uint j) {
  return j < 4u ? byte_at(b, 8u + j) & 63u
                : (byte_at(b, 8u + j) >> 4) | ((byte_at(b, 4u + j) >> 6) << 4);
}
TEPUI_BLOCK_FN float q4_k_scaled(Block b, uint i, uint level) {
  return half_at(b, 0u) * float(q4_k_scale(b, i >> 5)) * float(level) -
         half_at(b, 2u) * float(q4_k_minimum(b, i >> 5));
}
// half scale, half minimum, 12 bytes of scales and minima, 128 bytes of nibbles
TEPUI_BLOCK_FN float q4_k_element(Block b, uint i) {
  return q4_k_scaled(b, i, nibble_of_256(b, 16u, i));
}
// as q4_k, with 32 bytes of fifth bits (one of each byte for 32 elements) before the nibbles
TEPUI_BLOCK_FN float q5_k_element(Block b, uint i) {
  const uint fifth = (byte_at(b, 16u + (i & 31u)) >> (i >> 5)) & 1u;
  return q4_k_scaled(b, i, nibble_of_256(b, 48u, i) | (fifth << 4));
}

// 128 bytes of nibbles (64 bytes hold 128 of them, the low halves first), 64 bytes of pairs, 16
// signed scales of 16 elements each, half scale
TEPUI_BLOCK_FN float q6_k_element(Block b, uint i) {
  const uint low = (byte_at(b, ((i >> 7) << 6) + (i & 63u)) >> (4u * ((i >> 6) & 1u))) & 15u;
  const int level = int(low | (pair_of_256(b, 128u, i) << 4)) - 32;
  return half_at(b, 208u) * signed_byte(b, 192u + (i >> 4)) * float(level);
}
