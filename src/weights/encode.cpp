// SPDX-License-Identifier: MIT
#include "weights/encode.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/assert.h"
#include "base/half.h"

namespace tepui {

namespace {

template <class Word, class Convert>
std::vector<std::byte> by_words(std::span<const float> values, const Convert& convert) {
  std::vector<std::byte> out(values.size() * sizeof(Word));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Word word = convert(values[i]);
    std::memcpy(out.data() + i * sizeof(Word), &word, sizeof(Word));
  }
  return out;
}

std::vector<std::byte> to_q8_0(std::span<const float> values) {
  const DTypeBlock block = dtype_block(DType::q8_0);
  const auto count = static_cast<std::size_t>(block.elements);
  TEPUI_ASSERT(values.size() % count == 0);
  std::vector<std::byte> out(values.size() / count * block.bytes);
  std::byte* to = out.data();
  for (std::size_t i = 0; i < values.size(); i += count, to += block.bytes) {
    const auto own = values.subspan(i, count);
    float largest = 0;
    for (const float value : own) largest = std::max(largest, std::abs(value));
    const float step = largest / 127;
    const std::uint16_t scale = f16_from_f32(step);
    std::memcpy(to, &scale, sizeof(scale));
    for (std::size_t j = 0; j < count; ++j) {
      const float level = step == 0 ? 0 : std::nearbyint(own[j] / step);
      to[sizeof(scale) + j] = static_cast<std::byte>(static_cast<std::int8_t>(level));
    }
  }
  return out;
}

}  // namespace

bool can_encode(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::q8_0;
}

std::vector<std::byte> encode(std::span<const float> values, DType dtype) {
  switch (dtype) {
    case DType::f16: return by_words<std::uint16_t>(values, f16_from_f32);
    case DType::bf16: return by_words<std::uint16_t>(values, bf16_from_f32);
    case DType::q8_0: return to_q8_0(values);
    default: break;
  }
  TEPUI_ASSERT(dtype == DType::f32);
  return by_words<float>(values, [](float value) { return value; });
}

}  // namespace tepui
