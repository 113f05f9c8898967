// SPDX-License-Identifier: MIT
// How the matrix tier of `linear` writes f32 operands as halves, in C++ as shaders/lib/split.glsl
// does it, bit for bit.
//
// A row of x and a column of weights each have a factor s, the power of two that brings its largest
// finite |v| to [2^14, 2^15) (at most 2^126). An element is written as
//   v s = t0 + 2^-12 t1 + r,   t0 the half nearest to v s, t1 the half nearest to 2^12 (v s - t0).
// For 2^E <= |v s| < 2^(E+1) and E >= -14 an f32 is a multiple of 2^(E-23), a half of 2^(E-10):
// what t0 leaves is at most 2^12 units of 2^(E-23), of which a half of 11 bits loses one at most.
// Below 2^-14 halves are multiples of 2^-24, what t0 leaves is at most 2^-25, and t1 loses at most
// 2^-25 of it by its weight. Together, in units of v,
//   |r / s| <= 2^-23 |v| + 2^-51 max|v|,
// a last place of f32 for whatever is not smaller than 2^-28 of its row's largest, as 1e-3 is
// nearly beside 8e5, and never more than 2^-51 of the largest. No term exceeds 2^15.
//
// f16 weights are halves as they are stored: no factor, no second term, nothing lost.
//
// Three of the four products of terms are summed, those of weight 1 and 2^-12, each weight in an
// f32 accumulator A0, A1, a product of halves being exact in f32; y = (A0 + 2^-12 A1) / (s_x s_w).
// What is left out, 2^-24 t1 t1, is at most (2^-11 |x| + 2^-39 max|x|) (2^-11 |w| + 2^-39 max|w|).
// With sums that are rounded to nearest, one chain for each accumulator, and eps = 2^-24,
//   |y - sum_k x_k w_k| <= (K + 13) eps (1 + 2^-7) sum_k |x_k w_k|
//                          + 2^-49 sum_k (max|x| |w_k| + |x_k| max|w|) + 2^-77 K max|x| max|w|,
// maxima over the row and the column: the first part is the bound of the f32 tier, four roundings
// and, of two operands that are split, what is lost (4 eps) and left out (4 eps). A unit that cuts
// its sums instead of rounding them, as some do, has 2 eps in place of eps. A product of two terms
// is at most 2^30: nothing overflows before the result does. A row or column that holds an infinity
// gives infinities and NaNs.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace tepui::vulkan {

inline float split_factor(float largest) {
  const int exponent = 141 - static_cast<int>(std::bit_cast<std::uint32_t>(largest) >> 23) + 127;
  const int clamped = exponent < 1 ? 1 : exponent > 253 ? 253 : exponent;
  return std::bit_cast<float>(static_cast<std::uint32_t>(clamped) << 23);
}

inline float nearest_half(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffffU) >= 0x38800000U)
    return std::bit_cast<float>((bits + 0xfffU + ((bits >> 13) & 1U)) & 0xffffe000U);
  return std::nearbyint(x * 0x1p24F) * 0x1p-24F;
}

// The two terms of a finite x that its factor has multiplied, as the values of their halves.
inline std::array<float, 2> split_terms(float x) {
  const float first = nearest_half(x);
  return {first, nearest_half((x - first) * 0x1p12F)};
}

}  // namespace tepui::vulkan
