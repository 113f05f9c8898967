// SPDX-License-Identifier: MIT
// max_abs and top_k_abs: the largest |x| of each sequence with their places.
#include <algorithm>
#include <numeric>
#include <vector>

#include "ops/check.h"
#include "ops/selection.h"

namespace tepui {

namespace {

Result<Types> infer_top_k(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<SelectParams>();
  return Check("top_k_abs", in)
      .is(0, "x", f32({p.rows, p.dim}))
      .is(1, "offsets", i32({std::int64_t{p.sequences} + 1}))
      .holds(p.k > 0, "k: expected at least 1")
      .gives({f32({p.sequences, p.k}), u32({p.sequences, p.k})});
}

Result<Types> infer_max(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<SelectParams>();
  return Check("max_abs", in)
      .is(0, "x", f32({p.rows, p.dim}))
      .is(1, "offsets", i32({std::int64_t{p.sequences} + 1}))
      .holds(p.k == 1, "k: expected 1")
      .gives({f32({p.sequences}), u32({p.sequences})});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<SelectParams>();
  const auto values = out[0].as<float>();
  const auto indices = out[1].as<std::uint32_t>();
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const auto x = sequence_of(in[0], in[1], s, p.dim);
    std::vector<std::uint32_t> order(x.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, std::greater<>(),
                             [&](std::uint32_t i) { return magnitude_bits(x[i]); });
    for (std::size_t rank = 0; rank < p.k; ++rank) {
      const bool there = rank < order.size();
      values[s * p.k + rank] = there ? x[order[rank]] : 0.0F;
      indices[s * p.k + rank] = there ? order[rank] : kNoIndex;
    }
  }
}

const Op kTopK{"top_k_abs", 2, infer_top_k, reference, nullptr, nullptr};
const Op kMax{"max_abs", 2, infer_max, reference, nullptr, nullptr};

}  // namespace

const Op& top_k_abs_op() { return kTopK; }
const Op& max_abs_op() { return kMax; }

}  // namespace tepui
