// SPDX-License-Identifier: MIT
// The shape rules' common part: compares a step's operands with what its parameters say and keeps
// the first difference as an error that names the op, the operand, what was expected and what was
// found.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "tepui/op.h"

namespace tepui {

// What weights may be stored as: the shader variants and kernels of embed, cast and pack.
inline constexpr DType kStoredDTypes[] = {
    DType::f32,  DType::f16,  DType::bf16, DType::q8_0, DType::q4_0, DType::q4_1, DType::q5_0,
    DType::q5_1, DType::q2_k, DType::q3_k, DType::q4_k, DType::q5_k, DType::q6_k};
bool is_stored_dtype(DType dtype);

// Row-major shape of unsigned parameters.
template <class... Sizes>
Shape shape_of(Sizes... sizes) {
  return Shape{static_cast<std::int64_t>(sizes)...};
}

class OperandCheck {
 public:
  OperandCheck(std::string_view op, std::span<const TensorType> in,
               std::initializer_list<std::string_view> names);

  OperandCheck& is(std::size_t slot, DType dtype, const Shape& shape);
  OperandCheck& is_packed_matrix(std::size_t slot, const Shape& shape);  // of any values
  OperandCheck& is_absent_or(std::size_t slot, DType dtype, const Shape& shape);
  OperandCheck& is_stored(std::size_t slot);  // one of kStoredDTypes, of any shape
  OperandCheck& has_elements(std::size_t slot, std::int64_t elements);
  OperandCheck& is_stored(std::size_t slot, const Shape& shape);
  // A quantised operand is read in whole blocks: `count`, a number of elements or a place among
  // them, must be a multiple of them.
  OperandCheck& in_blocks(std::size_t slot, std::string_view what, std::uint64_t count);
  // Any other rule; `rule` says what was expected and found.
  OperandCheck& holds(bool condition, std::string_view rule);
  // Rows times width, counted from the first element, must fit the index of a selection.
  OperandCheck& indexable(uint rows, uint dim);

  Result<Types> gives(Types outputs) const;

 private:
  bool open(std::size_t slot) const;  // nothing is wrong so far and the slot exists
  void expected(std::size_t slot, const std::string& what);

  std::string_view op_;
  std::span<const TensorType> in_;
  std::vector<std::string_view> names_;
  std::optional<Error> error_;
};

}  // namespace tepui
