// SPDX-License-Identifier: MIT
// A float as two halves, by integers and exact steps alone, so that it is the same on any device:
// x s = t0 + 2^-12 t1 for a power of two s that brings the largest of a row to [2^14, 2^15).
// backend/vulkan/matrix_split.h has the same in C++, and what it leaves out.

const uint kSplitDepth = 32;  // rows of terms are filled with zeros to a multiple of it
const float kTermShift = 4096.0;

uint split_depth(uint k) { return (k + kSplitDepth - 1) / kSplitDepth * kSplitDepth; }
// Words that split_rows.comp writes of so many rows.
uint split_words(uint rows, uint k) { return (rows + 3) / 4 * 4 + rows * split_depth(k); }

// s for a row's largest magnitude, by its bits: 2^(14 - its exponent), but at most 2^126, so that
// 1/s is no subnormal.
float split_factor(uint largest_) {
  const int exponent = clamp(141 - int(largest_ >> 23) + 127, 1, 253);
  return uintBitsToFloat(uint(exponent) << 23);
}
float inverse_factor(float factor) {
  return uintBitsToFloat((254u << 23) - floatBitsToUint(factor));
}

// The half nearest to x, as a float; of two the even one. |x| is below 65520.
float nearest_half(float x) {
  const uint bits = floatBitsToUint(x);
  if ((bits & 0x7fffffffu) >= 0x38800000u)
    return uintBitsToFloat((bits + 0xfffu + ((bits >> 13) & 1u)) & 0xffffe000u);
  return roundEven(x * 16777216.0) * (1.0 / 16777216.0);  // a subnormal half: of 2^-24
}

// The bits of a half, of a value that one holds.
uint half_bits(float x) {
  const uint bits = floatBitsToUint(x);
  const uint sign_ = (bits >> 16) & 0x8000u;
  const uint magnitude_ = bits & 0x7fffffffu;
  if (magnitude_ < 0x38800000u) return sign_ | uint(abs(x) * 16777216.0);
  return sign_ | ((magnitude_ - 0x38000000u) >> 13);
}

// What is not finite stays in the first term.
uvec2 split_terms(float x) {
  const uint bits = floatBitsToUint(x);
  const uint magnitude_ = bits & 0x7fffffffu;
  if (magnitude_ >= 0x7f800000u)
    return uvec2(((bits >> 16) & 0x8000u) | 0x7c00u | (magnitude_ > 0x7f800000u ? 0x200u : 0u), 0);
  precise float first = nearest_half(x);
  precise float second = nearest_half((x - first) * kTermShift);
  return uvec2(half_bits(first), half_bits(second));
}
