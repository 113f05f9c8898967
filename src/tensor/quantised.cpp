// SPDX-License-Identifier: MIT
#include "tensor/quantised.h"

#include "base/assert.h"
#include "base/half.h"

namespace tepui {
namespace {

using uint = std::uint32_t;

struct Block {
  const std::byte* bytes;
};
inline uint byte_at(Block block, uint i) { return static_cast<uint>(block.bytes[i]); }
inline float half_at(Block block, uint i) {
  return f32_from_f16(static_cast<std::uint16_t>(byte_at(block, i) | byte_at(block, i + 1) << 8));
}

#define TEPUI_BLOCK_FN inline
#include "tensor/quant_block.h"
#undef TEPUI_BLOCK_FN

}  // namespace

float quantised_element(DType dtype, const std::byte* bytes, int index) {
  const Block block{bytes};
  const auto i = static_cast<uint>(index);
  switch (dtype) {
    case DType::q8_0: return q8_0_element(block, i);
    case DType::q4_0: return q4_0_element(block, i);
    case DType::q4_1: return q4_1_element(block, i);
    case DType::q5_0: return q5_0_element(block, i);
    case DType::q5_1: return q5_1_element(block, i);
    case DType::q2_k: return q2_k_element(block, i);
    case DType::q3_k: return q3_k_element(block, i);
    case DType::q4_k: return q4_k_element(block, i);
    case DType::q5_k: return q5_k_element(block, i);
    case DType::q6_k: return q6_k_element(block, i);
    default: break;
  }
  TEPUI_ASSERT(is_quantised(dtype));
  return 0;
}

std::span<const int> block_halves(DType dtype) {
  static constexpr int kFirst[] = {0};
  static constexpr int kFirstTwo[] = {0, 2};
  static constexpr int kQ2[] = {80, 82};
  static constexpr int kQ3[] = {108};
  static constexpr int kQ6[] = {208};
  switch (dtype) {
    case DType::q8_0:
    case DType::q4_0:
    case DType::q5_0: return kFirst;
    case DType::q4_1:
    case DType::q5_1:
    case DType::q4_k:
    case DType::q5_k: return kFirstTwo;
    case DType::q2_k: return kQ2;
    case DType::q3_k: return kQ3;
    case DType::q6_k: return kQ6;
    default: return {};
  }
}

}  // namespace tepui
