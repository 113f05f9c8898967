// SPDX-License-Identifier: MIT
#include "ops/check.h"
#include "ops/elements.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<MarkLargestParams>();
  return OperandCheck("mark_largest", in, {"rows", "index", "offsets"})
      .holds(p.dim > 0, "expected a dim of at least 1, found 0")
      .is(0, DType::u32, shape_of(p.rows))
      .is(1, DType::u32, shape_of(p.sequences))
      .is(2, DType::i32, shape_of(std::uint64_t{p.sequences} + 1))
      .gives({{DType::u32, shape_of(p.rows)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<MarkLargestParams>();
  const Elements<std::uint32_t> rows(in[0]);
  const Elements<std::uint32_t> index(in[1]);
  const auto y = out[0].as<std::uint32_t>();
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const SequenceRows at = sequence_rows(in[2], s, p.rows);
    for (std::size_t r = at.begin; r < at.end; ++r)
      y[r] = r - at.begin == index[s] / p.dim ? rows[r] : 0;
  }
}

}  // namespace

const Op& mark_largest_op() {
  static constexpr Op kOp{"mark_largest", 3, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
