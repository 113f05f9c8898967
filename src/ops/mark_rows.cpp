// SPDX-License-Identifier: MIT
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/selection.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<MarkRowsParams>();
  return OperandCheck("mark_rows", in, {"rows", "value", "level"})
      .is(0, DType::u32, shape_of(p.rows))
      .is(1, DType::f32, shape_of(p.rows))
      .is(2, DType::f32, shape_of(p.rows))
      .gives({{DType::u32, shape_of(p.rows)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<MarkRowsParams>();
  const Elements<std::uint32_t> rows(in[0]);
  const Elements<float> value(in[1]);
  const Elements<float> level(in[2]);
  const auto y = out[0].as<std::uint32_t>();
  for (std::size_t r = 0; r < p.rows; ++r) y[r] = is_above(value[r], level[r]) ? rows[r] : 0;
}

}  // namespace

const Op& mark_rows_op() {
  static constexpr Op kOp{"mark_rows", 3, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
