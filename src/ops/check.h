// SPDX-License-Identifier: MIT
// What shape rules are written with: expectations on operands that give one clear error, "linear:
// x: expected f32 [12, 48], found f32 [12, 40]". The first one that fails is kept.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "tepui/op.h"

namespace tepui {

class Check {
 public:
  Check(std::string_view op, std::span<const TensorType> in) : op_(op), in_(in) {}

  Check& is(std::size_t slot, std::string_view name, const TensorType& expected);
  Check& optional(std::size_t slot, std::string_view name, const TensorType& expected);
  // Any of f32, f16, bf16 with this shape.
  Check& stored(std::size_t slot, std::string_view name, const Shape& expected);
  Check& holds(bool condition, std::string_view what);  // a relation between parameters

  // The outputs' types, or the first error.
  Result<Types> gives(Types types) const;

 private:
  std::string_view op_;
  std::span<const TensorType> in_;
  std::optional<Error> error_;
};

inline TensorType f32(std::initializer_list<std::int64_t> sizes) {
  return {DType::f32, Shape(sizes)};
}
inline TensorType i32(std::initializer_list<std::int64_t> sizes) {
  return {DType::i32, Shape(sizes)};
}
inline TensorType u32(std::initializer_list<std::int64_t> sizes) {
  return {DType::u32, Shape(sizes)};
}

inline constexpr double kEpsilon =
    1.1920928955078125e-07;  // of f32: the distance from 1 to the next number

}  // namespace tepui
