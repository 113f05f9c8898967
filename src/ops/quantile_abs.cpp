// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>
#include <vector>

#include "ops/check.h"
#include "ops/selection.h"

namespace tepui {

namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<QuantileParams>();
  return Check("quantile_abs", in)
      .is(0, "x", f32({p.rows, p.dim}))
      .is(1, "offsets", i32({std::int64_t{p.sequences} + 1}))
      .is(2, "ranks", u32({p.sequences, p.ranks}))
      .gives({f32({p.sequences, p.ranks})});
}

// A rank beyond the sequence, and every rank of an empty one, gives 0.
void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<QuantileParams>();
  const auto ranks = in[2].as<std::uint32_t>();
  const auto y = out[0].as<float>();
  for (std::size_t s = 0; s < p.sequences; ++s) {
    std::vector<std::uint32_t> sorted;
    for (const float x : sequence_of(in[0], in[1], s, p.dim)) sorted.push_back(magnitude_bits(x));
    std::ranges::sort(sorted);
    for (std::size_t q = 0; q < p.ranks; ++q) {
      const std::size_t rank = ranks[s * p.ranks + q];
      y[s * p.ranks + q] = rank < sorted.size() ? std::bit_cast<float>(sorted[rank]) : 0.0F;
    }
  }
}

const Op kOp{"quantile_abs", 3, infer, reference, nullptr, nullptr};

}  // namespace

const Op& quantile_abs_op() { return kOp; }

}  // namespace tepui
