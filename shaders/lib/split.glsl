// SPDX-License-Identifier: MIT
// A float as three halves, by integers and exact steps alone, so that it is the same on any device:
// x s = t0 + 2^-11 (t1 + 2^-11 t2) for a power of two s that brings the largest of a row to
// [2^14, 2^15). backend/vulkan/matrix_split.h has the same in C++, and what it leaves out.


// Words that split_rows.comp writes of so many rows.
uint split_words(uint rows, uint k) { return (rows + 3) / 4 * 4 + 3 * rows * ((k + 15) / 16 * 8); }

const float kTermShift = 2048.0;  // 2^11: what a half's mantissa holds

// s for a row's largest magnitude, by its bits: 2^(14 - its exponent), but at most 2^126, so that
// 1/s is no subnormal.
float split_factor(uint largest_) {
  const int exponent = clamp(141 - int(largest_ >> 23) + 127, 1, 253);
  return uintBitsToFloat(uint(exponent) << 23);
}
float inverse_factor(float factor) {
  return uintBitsToFloat((254u << 23) - floatBitsToUint(factor));
}

// The leading bits of x, cut so that a half holds them.
float cut_to_half(float x) {
  const uint bits = floatBitsToUint(x);
  if ((bits & 0x7fffffffu) >= 0x38800000u) return uintBitsToFloat(bits & 0xffffe000u);
  return float(int(x * 16777216.0)) * (1.0 / 16777216.0);  // a subnormal half: of 2^-24
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
uvec3 split_terms(float x) {
  const uint bits = floatBitsToUint(x);
  const uint magnitude_ = bits & 0x7fffffffu;
  if (magnitude_ >= 0x7f800000u)
    return uvec3(((bits >> 16) & 0x8000u) | 0x7c00u | (magnitude_ > 0x7f800000u ? 0x200u : 0u), 0, 0);
  precise float first = cut_to_half(x);
  precise float rest = (x - first) * kTermShift;
  precise float second = cut_to_half(rest);
  precise float last = cut_to_half((rest - second) * kTermShift);
  return uvec3(half_bits(first), half_bits(second), half_bits(last));
}
