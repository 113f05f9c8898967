// SPDX-License-Identifier: MIT
#include "ops/check.h"

#include <algorithm>

namespace tepui {

OperandCheck::OperandCheck(std::string_view op, std::span<const TensorType> in,
                           std::initializer_list<std::string_view> names)
    : op_(op), in_(in), names_(names) {
  if (in.size() != names_.size()) {
    error_ = Error{ErrorKind::data,
                   fmt::format("{}: expected {} operands, found {}", op, names_.size(), in.size())};
  }
}

bool OperandCheck::open(std::size_t slot) const { return !error_ && slot < in_.size(); }

void OperandCheck::expected(std::size_t slot, const std::string& what) {
  const std::string found = in_[slot].present() ? in_[slot].to_string() : "none";
  error_ = Error{ErrorKind::data,
                 fmt::format("{}: {}: expected {}, found {}", op_, names_[slot], what, found)};
}

OperandCheck& OperandCheck::is(std::size_t slot, DType dtype, const Shape& shape) {
  const TensorType type{dtype, shape};
  if (open(slot) && in_[slot] != type) expected(slot, type.to_string());
  return *this;
}

OperandCheck& OperandCheck::is_absent_or(std::size_t slot, DType dtype, const Shape& shape) {
  const TensorType type{dtype, shape};
  if (open(slot) && in_[slot].present() && in_[slot] != type) {
    expected(slot, type.to_string() + " or none");
  }
  return *this;
}

OperandCheck& OperandCheck::is_float(std::size_t slot) {
  if (open(slot) && std::ranges::find(kFloatDTypes, in_[slot].dtype) == std::end(kFloatDTypes)) {
    expected(slot, "f32, f16 or bf16");
  }
  return *this;
}

OperandCheck& OperandCheck::is_float(std::size_t slot, const Shape& shape) {
  is_float(slot);
  if (open(slot) && in_[slot].shape != shape) {
    expected(slot, "f32, f16 or bf16 " + shape.to_string());
  }
  return *this;
}

OperandCheck& OperandCheck::has_elements(std::size_t slot, std::int64_t elements) {
  if (open(slot) && in_[slot].shape.elements() != elements) {
    expected(slot, fmt::format("{} elements", elements));
  }
  return *this;
}

OperandCheck& OperandCheck::holds(bool condition, std::string_view rule) {
  if (!error_ && !condition) error_ = Error{ErrorKind::data, fmt::format("{}: {}", op_, rule)};
  return *this;
}

OperandCheck& OperandCheck::indexable(uint rows, uint dim) {
  const auto elements = std::uint64_t{rows} * dim;
  return holds(elements <= 0xffffffffU,
               fmt::format("expected at most 2^32 - 1 elements, found {} x {}", rows, dim));
}

Result<Types> OperandCheck::gives(Types outputs) const {
  if (error_) return tl::unexpected<Error>(*error_);
  return outputs;
}

}  // namespace tepui
