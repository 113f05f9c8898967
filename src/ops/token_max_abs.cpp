// SPDX-License-Identifier: MIT
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/selection.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  return OperandCheck("token_max_abs", in, {"x"})
      .is(0, DType::f32, shape_of(p.rows, p.dim))
      .gives({{DType::f32, shape_of(p.rows)}, {DType::u32, shape_of(p.rows)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  const Elements<float> x(in[0]);
  const auto value = out[0].as<float>();
  const auto channel = out[1].as<std::uint32_t>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    Largest largest;
    for (std::uint32_t d = 0; d < p.dim; ++d) largest.offer(x[r * p.dim + d], d);
    value[r] = largest.value;
    channel[r] = largest.index;
  }
}

}  // namespace

const Op& token_max_abs_op() {
  static constexpr Op kOp{"token_max_abs", 1, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
