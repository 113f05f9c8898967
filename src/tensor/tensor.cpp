// SPDX-License-Identifier: MIT
#include "tepui/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

#include "base/assert.h"
#include "base/half.h"
#include "tensor/quantised.h"

namespace tepui {

std::string_view dtype_name(DType dtype) {
  switch (dtype) {
    case DType::f32: return "f32";
    case DType::f16: return "f16";
    case DType::bf16: return "bf16";
    case DType::f64: return "f64";
    case DType::i64: return "i64";
    case DType::i32: return "i32";
    case DType::u32: return "u32";
    case DType::u8: return "u8";
    case DType::q8_0: return "q8_0";
    case DType::q4_0: return "q4_0";
    case DType::q4_1: return "q4_1";
    case DType::q5_0: return "q5_0";
    case DType::q5_1: return "q5_1";
    case DType::q2_k: return "q2_k";
    case DType::q3_k: return "q3_k";
    case DType::q4_k: return "q4_k";
    case DType::q5_k: return "q5_k";
    case DType::q6_k: return "q6_k";
    case DType::packed: return "packed";
    case DType::packed_f16: return "packed f16";
    case DType::packed_bf16: return "packed bf16";
    case DType::packed_q8_0: return "packed q8_0";
    case DType::packed_q4_0: return "packed q4_0";
    case DType::packed_q4_1: return "packed q4_1";
    case DType::packed_q5_0: return "packed q5_0";
    case DType::packed_q5_1: return "packed q5_1";
    case DType::packed_q2_k: return "packed q2_k";
    case DType::packed_q3_k: return "packed q3_k";
    case DType::packed_q4_k: return "packed q4_k";
    case DType::packed_q5_k: return "packed q5_k";
    case DType::packed_q6_k: return "packed q6_k";
  }
  return "?";
}

DTypeBlock dtype_block(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::i64: return {1, 8};
    case DType::f32:
    case DType::i32:
    case DType::u32: return {1, 4};
    case DType::f16:
    case DType::bf16: return {1, 2};
    case DType::u8: return {1, 1};
    case DType::q8_0: return {32, 34};
    case DType::q4_0: return {32, 18};
    case DType::q4_1: return {32, 20};
    case DType::q5_0: return {32, 22};
    case DType::q5_1: return {32, 24};
    case DType::q2_k: return {256, 84};
    case DType::q3_k: return {256, 110};
    case DType::q4_k: return {256, 144};
    case DType::q5_k: return {256, 176};
    case DType::q6_k: return {256, 210};
    default: break;  // packed
  }
  TEPUI_ASSERT(!is_packed(dtype));
  return {};
}

bool is_quantised(DType dtype) { return !is_packed(dtype) && dtype_block(dtype).elements > 1; }

bool is_packed(DType dtype) { return dtype >= DType::packed; }

// Both lists of the quantised types have one order.
DType packed_dtype(DType dtype) {
  if (dtype == DType::f16) return DType::packed_f16;
  if (dtype == DType::bf16) return DType::packed_bf16;
  if (!is_quantised(dtype)) return DType::packed;
  constexpr int kShift = static_cast<int>(DType::packed_q8_0) - static_cast<int>(DType::q8_0);
  return static_cast<DType>(static_cast<int>(dtype) + kShift);
}

DType unpacked_dtype(DType packed) {
  TEPUI_ASSERT(is_packed(packed));
  if (packed == DType::packed_f16) return DType::f16;
  if (packed == DType::packed_bf16) return DType::bf16;
  if (packed == DType::packed) return DType::f32;
  constexpr int kShift = static_cast<int>(DType::packed_q8_0) - static_cast<int>(DType::q8_0);
  return static_cast<DType>(static_cast<int>(packed) - kShift);
}

std::size_t dtype_bytes(DType dtype) {
  const DTypeBlock block = dtype_block(dtype);
  TEPUI_ASSERT(block.elements == 1);
  return block.bytes;
}

Shape::Shape(std::initializer_list<std::int64_t> sizes)
    : Shape(std::span<const std::int64_t>(sizes.begin(), sizes.size())) {}

Shape::Shape(std::span<const std::int64_t> sizes) : rank_(static_cast<int>(sizes.size())) {
  TEPUI_ASSERT(sizes.size() <= sizes_.size());
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    TEPUI_ASSERT(sizes[axis] >= 0);
    sizes_[axis] = sizes[axis];
  }
}

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (int axis = 0; axis < rank_; ++axis) product *= (*this)[axis];
  return product;
}

std::string Shape::to_string() const {
  return fmt::format("[{}]", fmt::join(sizes_.begin(), sizes_.begin() + rank_, ", "));
}

std::size_t TensorType::bytes() const {
  const DTypeBlock block = dtype_block(dtype);
  const std::int64_t elements = shape.elements();
  TEPUI_ASSERT(elements % block.elements == 0);
  return static_cast<std::size_t>(elements / block.elements) * block.bytes;
}

std::string TensorType::to_string() const {
  return fmt::format("{} {}", dtype_name(dtype), shape.to_string());
}

namespace {

template <class T>
T load(std::span<const std::byte> bytes, std::int64_t index) {
  T value;  // copied, because tensors in files stand at any offset
  std::memcpy(&value, bytes.data() + static_cast<std::size_t>(index) * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

double HostView::at(std::int64_t index) const {
  switch (type.dtype) {
    case DType::f32: return static_cast<double>(load<float>(bytes, index));
    case DType::f16: return static_cast<double>(f32_from_f16(load<std::uint16_t>(bytes, index)));
    case DType::bf16: return static_cast<double>(f32_from_bf16(load<std::uint16_t>(bytes, index)));
    case DType::f64: return load<double>(bytes, index);
    case DType::i64: return static_cast<double>(load<std::int64_t>(bytes, index));
    case DType::i32: return static_cast<double>(load<std::int32_t>(bytes, index));
    case DType::u32: return static_cast<double>(load<std::uint32_t>(bytes, index));
    case DType::u8: return static_cast<double>(load<std::uint8_t>(bytes, index));
    default: break;
  }
  const DTypeBlock block = dtype_block(type.dtype);
  const auto whole = static_cast<std::size_t>(index / block.elements);
  return static_cast<double>(quantised_element(type.dtype, bytes.data() + whole * block.bytes,
                                               static_cast<int>(index % block.elements)));
}

}  // namespace tepui
