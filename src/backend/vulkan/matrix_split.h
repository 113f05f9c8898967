// SPDX-License-Identifier: MIT
// How the matrix tier of `linear` writes f32 operands as halves, in C++ as shaders/lib/split.glsl
// does it, bit for bit.
//
// A row of x and a column of weights each have a factor s, the power of two that brings its largest
// finite |v| to [2^14, 2^15) (at most 2^126). An element v s is cut into three terms of 11 bits,
//   v s = t0 + 2^-11 (t1 + 2^-11 t2) + r,   each term a half, subnormal ones among them.
// Cutting leaves what is below a half's last place, so that the terms hold 33 bits from the first
// bit on: r = 0 where |v s| >= 2^-23, and else |r| < 2^-46, the last place of t2 (2^-24) by its
// weight. In units of v: elements down to 2^-38 of their row's largest are held exactly; what is
// smaller, to 2^-60 of the largest. 8e5 is 2^30 times 1e-3: both are exact in one row.
//
// Six of the nine products of terms are summed, those of weight 1, 2^-11 and 2^-22, each weight in
// an f32 accumulator A0, A1, A2, a product of halves being exact in f32; y = (A0 + 2^-11 (A1 +
// 2^-11 A2)) / (s_x s_w). What is cut off is below 2^-10 of what it is cut from: by their weight t1
// is below 2^-10 |v s| and t2 below 2^-20, and the three products left out are below 2^-28 |x_k
// w_k| together. With sums that are rounded to nearest, one chain for each accumulator, and eps =
// 2^-24,
//   |y - sum_k x_k w_k| <= (K + 4) eps (1 + 2^-7) sum_k |x_k w_k|
//                          + 2^-59 sum_k (max|x| |w_k| + |x_k| max|w|),
// maxima over the row and the column: the first part is the bound of the f32 tier and two
// roundings, made of what really meets. A unit that cuts its sums instead of rounding them, as some
// do, has 2 eps in place of eps. No term exceeds 65504, and a product of two is below 2^32: nothing
// overflows before the result does. A row or column that holds an infinity gives infinities and
// NaNs.
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

inline float cut_to_half(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffffU) >= 0x38800000U) return std::bit_cast<float>(bits & 0xffffe000U);
  return static_cast<float>(static_cast<int>(x * 0x1p24F)) * 0x1p-24F;
}

// The three terms of a finite x that its factor has multiplied, as the values of their halves.
inline std::array<float, 3> split_terms(float x) {
  const float first = cut_to_half(x);
  const float rest = (x - first) * 0x1p11F;
  const float second = cut_to_half(rest);
  return {first, second, cut_to_half((rest - second) * 0x1p11F)};
}

}  // namespace tepui::vulkan
