// SPDX-License-Identifier: MIT
// Element types, shapes and typed views of host memory. Knows bytes, never computes. All tensors
// are row-major and contiguous. The quantised types are GGUF's: blocks of 32 or 256 neighbours of
// the last axis that share their scales (tensor/quant_block.h says what an element is).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace tepui {

enum class DType : std::uint8_t {
  f32,
  f16,
  bf16,
  f64,  // only in files; no backend computes with it
  i64,  // only in files
  i32,
  u32,
  u8,
  q8_0,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  // A backend's own layout of a [N, K] matrix, or of [E, N, K], one matrix behind the other; only
  // that backend can read it. The name says which values it holds, which the backend may store as
  // narrow as that, or wider: f32, or those of a stored type, the quantised ones in the order
  // above.
  packed,
  packed_f16,
  packed_bf16,
  packed_q8_0,
  packed_q4_0,
  packed_q4_1,
  packed_q5_0,
  packed_q5_1,
  packed_q2_k,
  packed_q3_k,
  packed_q4_k,
  packed_q5_k,
  packed_q6_k,
};

bool is_packed(DType dtype);
// What a matrix stored as `dtype` is packed as.
DType packed_dtype(DType dtype);
// Whose values a packed matrix holds.
DType unpacked_dtype(DType packed);

std::string_view dtype_name(DType dtype);
std::size_t dtype_bytes(DType dtype);  // of one element; not to be asked of packed and quantised

// How elements are stored together: one alone, or a block of a quantised type. Not to be asked of
// packed.
struct DTypeBlock {
  std::int64_t elements = 1;
  std::size_t bytes = 0;
};
DTypeBlock dtype_block(DType dtype);
bool is_quantised(DType dtype);

// Up to four sizes. A scalar has rank 0 and one element; a size may be 0.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes);
  explicit Shape(std::span<const std::int64_t> sizes);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return sizes_[static_cast<std::size_t>(axis)]; }
  std::int64_t elements() const;
  std::string to_string() const;  // "[2, 3]"
  bool operator==(const Shape&) const = default;

  static constexpr int kMaxRank = 4;

 private:
  std::array<std::int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

struct TensorType {
  DType dtype = DType::f32;
  Shape shape;

  // An optional operand that is not there (a linear layer without a bias) has this type.
  static TensorType absent() { return {DType::u8, Shape{0}}; }
  bool present() const { return *this != absent(); }

  std::size_t bytes() const;      // the last axis of a quantised type is whole blocks
  std::string to_string() const;  // "f32 [2, 3]"
  bool operator==(const TensorType&) const = default;
};

struct HostView {
  TensorType type;
  std::span<const std::byte> bytes;

  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  bool present() const { return type.present(); }
  double at(std::int64_t index) const;  // any dtype but packed; the bytes may be unaligned
};

struct MutableHostView {
  TensorType type;
  std::span<std::byte> bytes;

  template <class T>
  std::span<T> as() const {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  operator HostView() const { return {type, bytes}; }
};

}  // namespace tepui
