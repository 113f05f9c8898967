// SPDX-License-Identifier: MIT
// What the selections share: the order of magnitudes, and the walk over a chunk's sequences. |x| is
// compared by its bits as an unsigned number, which for what is no NaN is the numeric order, and
// puts NaN above infinity.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "tepui/tensor.h"

namespace tepui {

inline constexpr std::uint32_t kNoIndex = 0xffffffffU;

inline std::uint32_t magnitude_bits(float x) {
  return std::bit_cast<std::uint32_t>(x) & 0x7fffffffU;
}

// The elements of sequence s: rows [offsets[s], offsets[s + 1]) of x [R, dim].
inline std::span<const float> sequence_of(const HostView& x, const HostView& offsets, std::size_t s,
                                          std::size_t dim) {
  const auto bounds = offsets.as<std::int32_t>();
  const auto first = static_cast<std::size_t>(bounds[s]);
  const auto last = static_cast<std::size_t>(bounds[s + 1]);
  return x.as<float>().subspan(first * dim, (last - first) * dim);
}

}  // namespace tepui
