// SPDX-License-Identifier: MIT
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/selection.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  return OperandCheck("channel_max_abs", in, {"x", "offsets"})
      .is(0, DType::f32, shape_of(p.rows, p.dim))
      .is(1, DType::i32, shape_of(std::uint64_t{p.sequences} + 1))
      .gives(
          {{DType::f32, shape_of(p.sequences, p.dim)}, {DType::u32, shape_of(p.sequences, p.dim)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  const Elements<float> x(in[0]);
  const auto value = out[0].as<float>();
  const auto position = out[1].as<std::uint32_t>();
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const SequenceRows rows = sequence_rows(in[1], s, p.rows);
    for (std::size_t d = 0; d < p.dim; ++d) {
      Largest largest;
      for (std::size_t r = rows.begin; r < rows.end; ++r) {
        largest.offer(x[r * p.dim + d], static_cast<std::uint32_t>(r - rows.begin));
      }
      value[s * p.dim + d] = largest.value;
      position[s * p.dim + d] = largest.index;
    }
  }
}

}  // namespace

const Op& channel_max_abs_op() {
  static constexpr Op kOp{"channel_max_abs", 2, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
