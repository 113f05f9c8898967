// SPDX-License-Identifier: MIT
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/selection.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<AboveParams>();
  return OperandCheck("above_abs", in, {"x", "offsets", "level"})
      .indexable(p.rows, p.dim)
      .holds(p.capacity > 0, "expected a capacity of at least 1, found 0")
      .holds(p.level_column < p.levels, "expected a level_column below levels")
      .is(0, DType::f32, shape_of(p.rows, p.dim))
      .is(1, DType::i32, shape_of(std::uint64_t{p.sequences} + 1))
      .is(2, DType::f32, shape_of(p.sequences, p.levels))
      .gives({{DType::u32, shape_of(p.sequences)},
              {DType::f32, shape_of(p.sequences, p.capacity)},
              {DType::u32, shape_of(p.sequences, p.capacity)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<AboveParams>();
  const Elements<float> x(in[0]);
  const Elements<float> level(in[2]);
  const auto count = out[0].as<std::uint32_t>();
  const auto value = out[1].as<float>();
  const auto index = out[2].as<std::uint32_t>();
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const SequenceRows rows = sequence_rows(in[1], s, p.rows);
    const std::size_t first = rows.begin * p.dim;
    const float own = level[s * p.levels + p.level_column];
    const float threshold = own == 0 ? p.floor : p.ratio * own;  // one f32 rounding
    count[s] = 0;
    for (std::size_t i = 0; i < p.capacity; ++i) {
      value[s * p.capacity + i] = 0;
      index[s * p.capacity + i] = kNoIndex;
    }
    for (std::size_t i = first; i < rows.end * p.dim; ++i) {
      if (!is_above(x[i], threshold)) continue;
      if (count[s] < p.capacity) {
        value[s * p.capacity + count[s]] = x[i];
        index[s * p.capacity + count[s]] = static_cast<std::uint32_t>(i - first);
      }
      ++count[s];
    }
  }
}

}  // namespace

const Op& above_abs_op() {
  static constexpr Op kOp{"above_abs", 3, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
