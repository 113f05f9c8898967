// SPDX-License-Identifier: MIT
#include "ops/check.h"

namespace tepui {

Check& Check::is(std::size_t slot, std::string_view name, const TensorType& expected) {
  if (!error_ && in_[slot] != expected)
    error_ = Error{ErrorKind::data,
                   fmt::format("{}: {}: expected {}, found {}", op_, name, expected.to_string(),
                               in_[slot].present() ? in_[slot].to_string() : "nothing")};
  return *this;
}

Check& Check::optional(std::size_t slot, std::string_view name, const TensorType& expected) {
  return in_[slot].present() ? is(slot, name, expected) : *this;
}

Check& Check::stored(std::size_t slot, std::string_view name, const Shape& expected) {
  const DType dtype = in_[slot].dtype;
  const bool good = dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
  if (!error_ && (!good || in_[slot].shape != expected))
    error_ =
        Error{ErrorKind::data, fmt::format("{}: {}: expected f32, f16 or bf16 {}, found {}", op_,
                                           name, expected.to_string(), in_[slot].to_string())};
  return *this;
}

Check& Check::holds(bool condition, std::string_view what) {
  if (!error_ && !condition) error_ = Error{ErrorKind::data, fmt::format("{}: {}", op_, what)};
  return *this;
}

Result<Types> Check::gives(Types types) const {
  if (error_) return tl::unexpected(*error_);
  return types;
}

}  // namespace tepui
