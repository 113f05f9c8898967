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

OperandCheck& OperandCheck::is_packed_matrix(std::size_t slot, const Shape& shape) {
  if (open(slot) && (!is_packed(in_[slot].dtype) || in_[slot].shape != shape))
    expected(slot, TensorType{DType::packed, shape}.to_string());
  return *this;
}

OperandCheck& OperandCheck::is_absent_or(std::size_t slot, DType dtype, const Shape& shape) {
  const TensorType type{dtype, shape};
  if (open(slot) && in_[slot].present() && in_[slot] != type) {
    expected(slot, type.to_string() + " or none");
  }
  return *this;
}

bool is_stored_dtype(DType dtype) {
  return std::ranges::find(kStoredDTypes, dtype) != std::end(kStoredDTypes);
}

OperandCheck& OperandCheck::is_stored(std::size_t slot) {
  if (open(slot) && !is_stored_dtype(in_[slot].dtype)) {
    expected(slot, "f32, f16, bf16 or a quantised type");
  }
  return *this;
}

OperandCheck& OperandCheck::is_stored(std::size_t slot, const Shape& shape) {
  is_stored(slot);
  if (open(slot) && in_[slot].shape != shape) {
    expected(slot, "f32, f16, bf16 or a quantised type " + shape.to_string());
  }
  return *this;
}

OperandCheck& OperandCheck::in_blocks(std::size_t slot, std::string_view what,
                                      std::uint64_t count) {
  if (!open(slot) || !is_stored_dtype(in_[slot].dtype)) return *this;
  const auto block = static_cast<std::uint64_t>(dtype_block(in_[slot].dtype).elements);
  if (count % block != 0) {
    expected(slot, fmt::format("{} of whole blocks of {} elements, because it is {}", what, block,
                               dtype_name(in_[slot].dtype)));
    error_->message += fmt::format(" and {} of {}", what, count);
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
