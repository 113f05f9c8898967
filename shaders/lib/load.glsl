// SPDX-License-Identifier: MIT
// Elements of a stored tensor as the bits of f32, for the variants IN_f32, IN_f16, IN_bf16 and the
// quantised types. Floats are converted with integers, so that every value, NaN and subnormals
// among them, arrives as it is on any device.
#ifdef IN_f32
#define Elements Uints
uint load_bits(Elements from, uint i) { return from.v[i]; }
#else
#define Elements Halves
#endif

#ifdef IN_bf16
uint load_bits(Elements from, uint i) { return uint(from.v[i]) << 16; }
#endif

#include "lib/half.glsl"

#ifdef IN_f16
uint load_bits(Elements from, uint i) { return f16_bits(uint(from.v[i])); }
#endif

// Blocks of the quantised types: all of them are of even size, so that halves reach every byte.
struct Block {
  Halves from;
  uint first;  // the half that the block begins at
};
uint byte_at(Block b, uint i) {
  return (uint(b.from.v[b.first + (i >> 1)]) >> (8u * (i & 1u))) & 0xffu;
}
float half_at(Block b, uint i) {
  return uintBitsToFloat(f16_bits(uint(b.from.v[b.first + (i >> 1)])));
}
#define TEPUI_BLOCK_FN
#include "tensor/quant_block.h"

#define BLOCKS(elements, bytes, element)                            \
  uint load_bits(Elements from, uint i) {                           \
    Block b = Block(from, (i / elements) * (bytes / 2u));           \
    return floatBitsToUint(element(b, i % elements));               \
  }
#ifdef IN_q8_0
BLOCKS(32u, 34u, q8_0_element)
#endif
#ifdef IN_q4_0
BLOCKS(32u, 18u, q4_0_element)
#endif
#ifdef IN_q4_1
BLOCKS(32u, 20u, q4_1_element)
#endif
#ifdef IN_q5_0
BLOCKS(32u, 22u, q5_0_element)
#endif
#ifdef IN_q5_1
BLOCKS(32u, 24u, q5_1_element)
#endif
#ifdef IN_q2_k
BLOCKS(256u, 84u, q2_k_element)
#endif
#ifdef IN_q3_k
BLOCKS(256u, 110u, q3_k_element)
#endif
#ifdef IN_q4_k
BLOCKS(256u, 144u, q4_k_element)
#endif
#ifdef IN_q5_k
BLOCKS(256u, 176u, q5_k_element)
#endif
#ifdef IN_q6_k
BLOCKS(256u, 210u, q6_k_element)
#endif
