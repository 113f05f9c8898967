// SPDX-License-Identifier: MIT
// Reads a packed matrix (lib/panels.glsl) four columns at a time, converted exactly to f32. The
// factors behind a panel are f32 in any case, and then as long as so many of its lines.
#include "lib/half.glsl"
#include "lib/panels.glsl"

layout(constant_id = 6) const uint kStored = 0;  // 0: f32, 1: f16, 2: bf16, else a quantised type:
#define Q8_0 3
#define Q4_0 4
#define Q4_1 5
#define Q5_0 6
#define Q5_1 7
#define Q2_K 8
#define Q3_K 9
#define Q4_K 10
#define Q5_K 11
#define Q6_K 12
const bool kQuantised = kStored >= Q8_0;
const uint kVectorWords = kStored == 0 ? 4 : kQuantised ? 1 : 2;  // of four columns in a line
// Behind a panel for matrix units; f16 weights are halves as they are.
const uint kFactorLines = kStored == 1 ? 0 : 4 / kVectorWords;
const bool kLongBlocks = kStored >= Q2_K;
// Rows of a block, and the lines that it is: its bytes for one column.
const uint kBlock = kLongBlocks ? 256 : kQuantised ? 32 : 1;
const uint kBlockLines = kStored == Q8_0   ? 34
                         : kStored == Q4_0 ? 18
                         : kStored == Q4_1 ? 20
                         : kStored == Q5_0 ? 22
                         : kStored == Q5_1 ? 24
                         : kStored == Q2_K ? 84
                         : kStored == Q3_K ? 110
                         : kStored == Q4_K ? 144
                         : kStored == Q5_K ? 176
                         : kStored == Q6_K ? 210
                                           : 1;
// Rows that share a scale: it need not be asked for again before the next multiple of them.
const uint kScaled = kLongBlocks && kStored != Q4_K && kStored != Q5_K ? 16 : 32;

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Narrow { uvec2 v[]; };

// The lines of so many rows.
uint weight_lines(uint k) { return k / kBlock * kBlockLines; }

// An element of a quantised type is scale (level - kOffset) + shift, where shift is for types with a
// minimum. Products of scales and levels fit 24 bits and are exact (tensor/quant_block.h): what is
// here is what stands in an f32 copy.
struct WeightScale {
  vec4 scale;
  vec4 shift;
};
const uint kOffset = kStored == Q8_0   ? 128
                     : kStored == Q4_0 ? 8
                     : kStored == Q5_0 ? 16
                     : kStored == Q3_K ? 4
                     : kStored == Q6_K ? 32
                                       : 0;
const bool kShifted =
    kStored == Q4_1 || kStored == Q5_1 || kStored == Q2_K || kStored == Q4_K || kStored == Q5_K;

// `base` is the place of four columns in the first line of their panel. Byte i of the block that row k
// is in, of each of them.
uint block_word(uvec2 matrix, uint base, uint width, uint k, uint i) {
  return Uints(matrix).v[base + (k / kBlock * kBlockLines + i) * width];
}
uvec4 bytes_of(uint word) { return (uvec4(word) >> uvec4(0, 8, 16, 24)) & 0xffu; }
vec4 levels_of(uint word) { return vec4(bytes_of(word)); }

#define WORD(i) block_word(matrix, base, width, k, i)
// Of each byte.
#define LOW_BITS(n) ((1u << (n)) - 1) * 0x01010101u

// What is stored of a block's scale, and what it means: apart, so that it may be on its way for a
// while. The bytes of a block are those of tensor/quant_block.h.
struct ScaleWords {
  uvec4 halves;  // bytes of one or two f16
  uvec3 more;    // of K-quants
};
ScaleWords scale_words(uvec2 matrix, uint base, uint width, uint k) {
  ScaleWords s = ScaleWords(uvec4(0), uvec3(0));
  if (!kQuantised) return s;
  const uint first = kStored == Q2_K ? 80 : kStored == Q3_K ? 108 : kStored == Q6_K ? 208 : 0;
  s.halves.xy = uvec2(WORD(first), WORD(first + 1));
  if (kShifted) s.halves.zw = uvec2(WORD(first + 2), WORD(first + 3));
  const uint j = k % kBlock / 16;
  if (kStored == Q2_K) s.more.x = WORD(j);
  if (kStored == Q3_K) s.more.xy = uvec2(WORD(96 + j % 8), WORD(104 + j % 4));
  if (kStored == Q4_K || kStored == Q5_K)
    s.more = uvec3(WORD(j / 2), WORD(4 + j / 2), WORD(8 + j / 2));
  if (kStored == Q6_K) s.more.x = WORD(192 + j);
  return s;
}

vec4 halves_of(uint low, uint high) {
  return uintBitsToFloat(f16_bits(bytes_of(low) | (bytes_of(high) << 8)));
}

// A 6-bit number of q4_k and q5_k: of the first four by itself, of others in two parts.
vec4 six_bits(uint j, uint whole, uint low, uint high) {
  return levels_of(j < 4 ? whole & LOW_BITS(6)
                         : (low & LOW_BITS(4)) | (((high >> 6) & LOW_BITS(2)) << 4));
}

WeightScale scale_from(ScaleWords words, uint k) {
  precise WeightScale s = WeightScale(vec4(1), vec4(0));
  if (kQuantised) s.scale = halves_of(words.halves.x, words.halves.y);
  if (kShifted) s.shift = halves_of(words.halves.z, words.halves.w);
  const uvec3 more = words.more;
  const uint j = k % kBlock / 16;
  if (kStored == Q2_K) {
    s.scale = s.scale * levels_of(more.x & LOW_BITS(4));
    s.shift = -(s.shift * levels_of((more.x >> 4) & LOW_BITS(4)));
  }
  if (kStored == Q3_K) {
    const uint low = (more.x >> (4 * (j / 8))) & LOW_BITS(4);
    const uint high = (more.y >> (2 * (j / 4))) & LOW_BITS(2);
    s.scale = s.scale * (levels_of(low | (high << 4)) - 32.0);
  }
  if (kStored == Q4_K || kStored == Q5_K) {
    s.scale = s.scale * six_bits(j / 2, more.y, more.z, more.x);
    s.shift = -(s.shift * six_bits(j / 2, more.z, more.z >> 4, more.y));
  }
  // A signed byte is 128 less than it is with its top bit turned.
  if (kStored == Q6_K) s.scale = s.scale * (levels_of(more.x ^ 0x80808080u) - 128.0);
  return s;
}
WeightScale weight_scale(uvec2 matrix, uint base, uint width, uint k) {
  return scale_from(scale_words(matrix, base, width, k), k);
}

// The level of row k, of each column in a byte.
uint level_word(uvec2 matrix, uint base, uint width, uint k) {
  const uint i = k % kBlock;
  const uint half_ = 4 * (i / 16);  // of blocks of 32, where low halves of bytes come first
  if (kStored == Q8_0) return WORD(2 + i) ^ 0x80808080u;
  if (kStored == Q4_0) return (WORD(2 + i % 16) >> half_) & LOW_BITS(4);
  if (kStored == Q4_1) return (WORD(4 + i % 16) >> half_) & LOW_BITS(4);
  if (kStored == Q5_0 || kStored == Q5_1) {
    const uint begin = kStored == Q5_0 ? 2 : 4;  // of the fifth bits
    const uint fifth = (WORD(begin + i / 8) >> (i % 8)) & LOW_BITS(1);
    return ((WORD(begin + 4 + i % 16) >> half_) & LOW_BITS(4)) | (fifth << 4);
  }
  if (kStored == Q4_K || kStored == Q5_K) {
    const uint begin = kStored == Q4_K ? 16 : 48;
    const uint four = (WORD(begin + i / 64 * 32 + i % 32) >> (i / 32 % 2 * 4)) & LOW_BITS(4);
    if (kStored == Q4_K) return four;
    return four | (((WORD(16 + i % 32) >> (i / 32)) & LOW_BITS(1)) << 4);
  }
  const uint begin = kStored == Q2_K ? 16 : kStored == Q3_K ? 32 : 128;
  const uint pair = (WORD(begin + i / 128 * 32 + i % 32) >> (i / 32 % 4 * 2)) & LOW_BITS(2);
  if (kStored == Q2_K) return pair;
  if (kStored == Q3_K) return pair | (((WORD(i % 32) >> (i / 32)) & LOW_BITS(1)) << 2);
  return ((WORD(i / 128 * 64 + i % 64) >> (i / 64 % 2 * 4)) & LOW_BITS(4)) | (pair << 4);
}

// What is stored of row k, and what it means: apart, so that it may be on its way for a while.
uvec4 weight_word(uvec2 matrix, uint base, uint width, uint k) {
  if (kQuantised) return uvec4(level_word(matrix, base, width, k), 0, 0, 0);
  const uint i = base + k * width;
  if (kStored == 0) return floatBitsToUint(Vectors(matrix).v[i]);
  return uvec4(Narrow(matrix).v[i], 0, 0);
}
vec4 weight_from(uvec4 word, WeightScale s) {
  if (kQuantised) {
    precise vec4 w = s.scale * (levels_of(word.x) - float(kOffset));
    if (kShifted) w = w + s.shift;
    return w;
  }
  if (kStored == 0) return uintBitsToFloat(word);
  const uvec4 halves = uvec4(word.x & 0xffffu, word.x >> 16, word.y & 0xffffu, word.y >> 16);
  if (kStored == 2) return uintBitsToFloat(halves << 16);
  return uintBitsToFloat(f16_bits(halves));
}

vec4 weight_vector(uvec2 matrix, uint base, uint width, uint k, WeightScale s) {
  return weight_from(weight_word(matrix, base, width, k), s);
}
vec4 weight_vector(uvec2 matrix, uint base, uint width, uint k) {
  return weight_vector(matrix, base, width, k, weight_scale(matrix, base, width, k));
}

// Where the panel of this vector begins.
uint panel_begin(uint vectors, uint first, uint k) {
  return panel_at(vectors, first, weight_lines(k), 0);
}
// Likewise, where panels have factors.
uint factored_begin(uint vectors, uint first, uint k) {
  return panel_at(vectors, first, weight_lines(k) + kFactorLines, 0);
}
// The float that holds the factor of a panel's first column.
uint factors_at(uint vectors, uint first, uint k) {
  const uint lines = weight_lines(k);
  return kVectorWords * panel_at(vectors, first, lines + kFactorLines, lines);
}
