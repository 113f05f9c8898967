// SPDX-License-Identifier: MIT
#include <algorithm>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/selection.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<QuantileParams>();
  return OperandCheck("quantile_abs", in, {"x", "offsets", "ranks"})
      .indexable(p.rows, p.dim)
      .holds(p.ranks > 0, "expected at least 1 rank, found 0")
      .is(0, DType::f32, shape_of(p.rows, p.dim))
      .is(1, DType::i32, shape_of(std::uint64_t{p.sequences} + 1))
      .is(2, DType::u32, shape_of(p.sequences, p.ranks))
      .gives({{DType::f32, shape_of(p.sequences, p.ranks)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<QuantileParams>();
  const Elements<float> x(in[0]);
  const Elements<std::uint32_t> ranks(in[2]);
  const auto y = out[0].as<float>();
  std::vector<std::uint32_t> keys;
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const SequenceRows rows = sequence_rows(in[1], s, p.rows);
    keys.clear();
    for (std::size_t i = rows.begin * p.dim; i < rows.end * p.dim; ++i) {
      keys.push_back(magnitude_key(x[i]));
    }
    std::sort(keys.begin(), keys.end());
    for (std::size_t q = 0; q < p.ranks; ++q) {
      const std::uint32_t rank = ranks[s * p.ranks + q];
      y[s * p.ranks + q] = rank < keys.size() ? magnitude_from_key(keys[rank]) : 0;
    }
  }
}

}  // namespace

const Op& quantile_abs_op() {
  static constexpr Op kOp{"quantile_abs", 3, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
