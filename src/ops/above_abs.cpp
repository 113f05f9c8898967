// SPDX-License-Identifier: MIT
#include <algorithm>

#include "ops/check.h"
#include "ops/selection.h"

namespace tepui {

namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<AboveParams>();
  const std::int64_t sequences = p.sequences;
  const std::int64_t capacity = p.capacity;
  return Check("above_abs", in)
      .is(0, "x", f32({p.rows, p.dim}))
      .is(1, "offsets", i32({sequences + 1}))
      .is(2, "level", f32({sequences, p.levels}))
      .holds(p.level_column < p.levels, "level_column: beyond the levels")
      .holds(p.ratio >= 0.0F && p.floor >= 0.0F, "ratio, floor: expected 0 or more")
      .gives({u32({sequences}), f32({sequences, capacity}), u32({sequences, capacity})});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<AboveParams>();
  const auto counts = out[0].as<std::uint32_t>();
  const auto values = out[1].as<float>();
  const auto indices = out[2].as<std::uint32_t>();
  std::ranges::fill(values, 0.0F);
  std::ranges::fill(indices, kNoIndex);
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const float level = in[2].as<float>()[s * p.levels + p.level_column];
    const std::uint32_t threshold = magnitude_bits(level == 0.0F ? p.floor : p.ratio * level);
    const auto x = sequence_of(in[0], in[1], s, p.dim);
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (magnitude_bits(x[i]) <= threshold) continue;
      if (count < p.capacity) {
        values[s * p.capacity + count] = x[i];
        indices[s * p.capacity + count] = static_cast<std::uint32_t>(i);
      }
      ++count;
    }
    counts[s] = count;
  }
}

const Op kOp{"above_abs", 3, infer, reference, nullptr, nullptr};

}  // namespace

const Op& above_abs_op() { return kOp; }

}  // namespace tepui
