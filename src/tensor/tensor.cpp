// SPDX-License-Identifier: MIT
#include "tepui/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

#include "base/assert.h"
#include "base/half.h"

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
    case DType::packed: return "packed";
  }
  return "?";
}

std::size_t dtype_bytes(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::i64: return 8;
    case DType::f32:
    case DType::i32:
    case DType::u32: return 4;
    case DType::f16:
    case DType::bf16: return 2;
    case DType::u8: return 1;
    case DType::packed: break;
  }
  TEPUI_ASSERT(dtype != DType::packed);
  return 0;
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
  return static_cast<std::size_t>(shape.elements()) * dtype_bytes(dtype);
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
    case DType::packed: break;
  }
  TEPUI_ASSERT(type.dtype != DType::packed);
  return 0;
}

}  // namespace tepui
