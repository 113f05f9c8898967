// SPDX-License-Identifier: MIT
#include "ops/check.h"
#include "ops/elements.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<MatrixParams>();
  return OperandCheck("transpose", in, {"x"})
      .is(0, DType::f32, shape_of(p.rows, p.columns))
      .gives({{DType::f32, shape_of(p.columns, p.rows)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<MatrixParams>();
  const Elements<float> x(in[0]);
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    for (std::size_t c = 0; c < p.columns; ++c) y[c * p.rows + r] = x[r * p.columns + c];
  }
}

}  // namespace

const Op& transpose_op() {
  static constexpr Op kOp{"transpose", 1, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
