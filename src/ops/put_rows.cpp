// SPDX-License-Identifier: MIT
#include <algorithm>

#include "ops/check.h"
#include "ops/elements.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<PutRowsParams>();
  const Shape all = shape_of(std::uint64_t{p.tables} * p.rows, p.dim);
  return OperandCheck("put_rows", in, {"x", "at", "fresh"})
      .is(0, DType::f32, all)
      .is(1, DType::i32, shape_of(p.fresh))
      .is(2, DType::f32, shape_of(p.fresh, std::uint64_t{p.tables} * p.dim))
      .gives({{DType::f32, all}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<PutRowsParams>();
  const Elements<std::int32_t> at(in[1]);
  const auto x = in[0].as<float>();
  const auto fresh = in[2].as<float>();
  const auto y = out[0].as<float>();
  std::ranges::copy(x, y.begin());
  for (std::size_t i = 0; i < p.fresh; ++i) {
    TEPUI_ASSERT(at[i] >= 0 && static_cast<uint>(at[i]) < p.rows && (i == 0 || at[i] > at[i - 1]));
    for (std::size_t h = 0; h < p.tables; ++h) {
      const std::size_t row = h * p.rows + static_cast<std::size_t>(at[i]);
      std::ranges::copy(fresh.subspan((i * p.tables + h) * p.dim, p.dim),
                        y.begin() + static_cast<std::ptrdiff_t>(row * p.dim));
    }
  }
}

}  // namespace

const Op& put_rows_op() {
  static constexpr Op kOp{"put_rows", 3, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
