// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/selection.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<SelectParams>();
  return OperandCheck("top_k_abs", in, {"x", "offsets"})
      .indexable(p.rows, p.dim)
      .holds(p.k > 0, "expected k of at least 1, found 0")
      .is(0, DType::f32, shape_of(p.rows, p.dim))
      .is(1, DType::i32, shape_of(std::uint64_t{p.sequences} + 1))
      .gives({{DType::f32, shape_of(p.sequences, p.k)}, {DType::u32, shape_of(p.sequences, p.k)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<SelectParams>();
  const Elements<float> x(in[0]);
  const auto value = out[0].as<float>();
  const auto index = out[1].as<std::uint32_t>();
  std::vector<std::uint32_t> order;
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const SequenceRows rows = sequence_rows(in[1], s, p.rows);
    const std::size_t first = rows.begin * p.dim;
    order.resize((rows.end - rows.begin) * p.dim);
    std::iota(order.begin(), order.end(), 0U);
    const std::size_t found = std::min<std::size_t>(p.k, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(found),
                      order.end(), [&](std::uint32_t a, std::uint32_t b) {
                        const std::uint32_t key_a = magnitude_key(x[first + a]);
                        const std::uint32_t key_b = magnitude_key(x[first + b]);
                        return key_a != key_b ? key_a > key_b : a < b;
                      });
    for (std::size_t i = 0; i < p.k; ++i) {
      value[s * p.k + i] = i < found ? x[first + order[i]] : 0;
      index[s * p.k + i] = i < found ? order[i] : kNoIndex;
    }
  }
}

}  // namespace

const Op& top_k_abs_op() {
  static constexpr Op kOp{"top_k_abs", 2, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
