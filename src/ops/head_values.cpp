// SPDX-License-Identifier: MIT
#include <algorithm>

#include "ops/check.h"
#include "ops/elements.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<HeadValuesParams>();
  const std::uint64_t heads = p.heads;
  return OperandCheck("head_values", in, {"v", "marked", "offsets"})
      .holds(p.head_dim > 0 && p.kv_heads > 0 && p.heads > 0 && p.heads % p.kv_heads == 0,
             fmt::format("expected heads to be a multiple of kv_heads, found {} and {} of width {}",
                         p.heads, p.kv_heads, p.head_dim))
      .is(0, DType::f32, shape_of(p.rows, std::uint64_t{p.kv_heads} * p.head_dim))
      .is(1, DType::u32, shape_of(p.sequences, p.marked))
      .is(2, DType::i32, shape_of(std::uint64_t{p.sequences} + 1))
      .gives({{DType::f32, shape_of(heads * p.sequences * p.marked, heads * p.head_dim)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<HeadValuesParams>();
  const Elements<float> v(in[0]);
  const Elements<std::uint32_t> marked(in[1]);
  const auto y = out[0].as<float>();
  const std::size_t width = std::size_t{p.heads} * p.head_dim;
  std::fill(y.begin(), y.end(), 0.0F);
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const SequenceRows rows = sequence_rows(in[2], s, p.rows);
    for (std::size_t m = 0; m < p.marked; ++m) {
      const std::size_t token = rows.begin + marked[s * p.marked + m];
      if (token >= rows.end) continue;
      for (std::size_t h = 0; h < p.heads; ++h) {
        const std::size_t from = (token * p.kv_heads + h / (p.heads / p.kv_heads)) * p.head_dim;
        const std::size_t to = ((s * p.marked + m) * p.heads + h) * width + h * p.head_dim;
        for (std::size_t d = 0; d < p.head_dim; ++d) y[to + d] = v[from + d];
      }
    }
  }
}

}  // namespace

const Op& head_values_op() {
  static constexpr Op kOp{"head_values", 3, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
