// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/check.h"
#include "ops/elements.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<RowLevelParams>();
  const bool flat = !in.empty() && in[0].shape.rank() == 1;
  return OperandCheck("row_level", in, {"level", "offsets"})
      .holds(p.column < p.levels, "expected a column below levels")
      .holds(p.ratio >= 0 && p.floor >= 0, "expected a ratio and a floor that are not negative")
      .is(0, DType::f32,
          flat && p.levels == 1 ? shape_of(p.sequences) : shape_of(p.sequences, p.levels))
      .is(1, DType::i32, shape_of(std::uint64_t{p.sequences} + 1))
      .gives({{DType::f32, shape_of(p.rows)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<RowLevelParams>();
  const Elements<float> level(in[0]);
  const auto y = out[0].as<float>();
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const float scaled = p.ratio * std::abs(level[s * p.levels + p.column]);  // one f32 rounding
    const float own =
        std::isnan(scaled) ? std::numeric_limits<float>::quiet_NaN() : std::max(p.floor, scaled);
    const SequenceRows rows = sequence_rows(in[1], s, p.rows);
    for (std::size_t r = rows.begin; r < rows.end; ++r) y[r] = own;
  }
}

}  // namespace

const Op& row_level_op() {
  static constexpr Op kOp{"row_level", 2, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
