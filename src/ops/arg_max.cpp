// SPDX-License-Identifier: MIT
#include "ops/check.h"
#include "ops/elements.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<TileParams>();
  return OperandCheck("arg_max", in, {"logits", "value", "index"})
      .is(0, DType::f32, shape_of(p.rows, p.tile))
      .is(1, DType::f32, shape_of(p.rows))
      .is(2, DType::u32, shape_of(p.rows))
      .gives({{DType::f32, shape_of(p.rows)}, {DType::u32, shape_of(p.rows)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<TileParams>();
  const Elements<float> logits(in[0]);
  const Elements<float> value_before(in[1]);
  const Elements<std::uint32_t> index_before(in[2]);
  const auto value = out[0].as<float>();
  const auto index = out[1].as<std::uint32_t>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    float best = value_before[r];
    std::uint32_t best_index = index_before[r];
    for (std::uint32_t i = 0; i < p.tile; ++i) {
      const float x = logits[r * p.tile + i];
      const std::uint32_t at = p.first + i;
      if (x > best || (x == best && at < best_index)) {  // never true of NaN
        best = x;
        best_index = at;
      }
    }
    value[r] = best;
    index[r] = best_index;
  }
}

}  // namespace

const Op& arg_max_op() {
  static constexpr Op kOp{"arg_max", 3, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
