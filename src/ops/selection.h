// SPDX-License-Identifier: MIT
// The order that all selections share: |x| by its bits read as an unsigned integer, which is the
// numeric order, with NaN above infinity. Selections are bit-equal on every backend.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace tepui {

inline constexpr std::uint32_t kNoIndex = 0xffffffffU;

inline std::uint32_t magnitude_key(float x) {
  return std::bit_cast<std::uint32_t>(x) & 0x7fffffffU;
}
inline float magnitude_from_key(std::uint32_t key) { return std::bit_cast<float>(key); }

// NaN is above every threshold that is a number; nothing is above NaN.
inline bool is_above(float x, float threshold) {
  if (std::isnan(threshold)) return false;
  return std::isnan(x) || std::abs(x) > threshold;
}

// The largest |x| of what was offered in ascending index order; the first among equals.
struct Largest {
  float value = 0;
  std::uint32_t index = kNoIndex;

  void offer(float x, std::uint32_t at) {
    if (index != kNoIndex && magnitude_key(x) <= magnitude_key(value)) return;
    value = x;
    index = at;
  }
};

}  // namespace tepui
