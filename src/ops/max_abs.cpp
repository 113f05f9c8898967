// SPDX-License-Identifier: MIT
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/selection.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<SelectParams>();
  return OperandCheck("max_abs", in, {"x", "offsets"})
      .indexable(p.rows, p.dim)
      .is(0, DType::f32, shape_of(p.rows, p.dim))
      .is(1, DType::i32, shape_of(std::uint64_t{p.sequences} + 1))
      .gives({{DType::f32, shape_of(p.sequences)}, {DType::u32, shape_of(p.sequences)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<SelectParams>();
  const Elements<float> x(in[0]);
  const auto value = out[0].as<float>();
  const auto index = out[1].as<std::uint32_t>();
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const SequenceRows rows = sequence_rows(in[1], s, p.rows);
    const std::size_t first = rows.begin * p.dim;
    Largest largest;
    for (std::size_t i = first; i < rows.end * p.dim; ++i) {
      largest.offer(x[i], static_cast<std::uint32_t>(i - first));
    }
    value[s] = largest.value;
    index[s] = largest.index;
  }
}

}  // namespace

const Op& max_abs_op() {
  static constexpr Op kOp{"max_abs", 2, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
