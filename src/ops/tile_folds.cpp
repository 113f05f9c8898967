// SPDX-License-Identifier: MIT
// cross_entropy and arg_max: what is folded over the tiles of the vocabulary, so that all logits
// never stand at once.
#include <cmath>

#include "ops/check.h"
#include "ops/selection.h"

namespace tepui {

namespace {

Result<Types> infer_cross_entropy(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<TileParams>();
  return Check("cross_entropy", in)
      .is(0, "logits", f32({p.rows, p.tile}))
      .is(1, "targets", i32({p.rows}))
      .is(2, "state", f32({p.rows, 3}))
      .holds(p.tile > 0, "tile: expected at least one column")
      .gives({f32({p.rows, 3})});
}

Result<Types> infer_arg_max(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<TileParams>();
  return Check("arg_max", in)
      .is(0, "logits", f32({p.rows, p.tile}))
      .is(1, "value", f32({p.rows}))
      .is(2, "index", u32({p.rows}))
      .gives({f32({p.rows}), u32({p.rows})});
}

void cross_entropy(std::span<const HostView> in, std::span<const MutableHostView> out,
                   const ParamBytes& bytes) {
  const auto p = bytes.as<TileParams>();
  const auto logits = in[0].as<float>();
  const auto targets = in[1].as<std::int32_t>();
  const auto before = in[2].as<float>();
  const auto after = out[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    const auto row = logits.subspan(r * p.tile, p.tile);
    float largest = before[3 * r];
    for (const float x : row) largest = std::max(largest, x);
    const double top = static_cast<double>(largest);
    double sum = 0;
    if (before[3 * r + 1] > 0.0F)
      sum = static_cast<double>(before[3 * r + 1]) *
            std::exp(static_cast<double>(before[3 * r]) - top);
    for (const float x : row) sum += std::exp(static_cast<double>(x) - top);
    const std::int64_t column = std::int64_t{targets[r]} - p.first;
    const bool here = targets[r] >= 0 && column >= 0 && column < p.tile;
    after[3 * r] = largest;
    after[3 * r + 1] = static_cast<float>(sum);
    after[3 * r + 2] = here ? row[static_cast<std::size_t>(column)] : before[3 * r + 2];
  }
}

// Maximum and target are copied; the sum has no cancellation. Each exponent is one subtraction,
// whose rounding is within eps/2 of its size, at most about 104 where the term still counts, and
// the exponential adds a few units of its own.
void cross_entropy_bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<TileParams>();
  const auto expected = request.expected[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    bound[3 * r] = 0;
    bound[3 * r + 1] = kEpsilon *
                       (16.0 + 0.5 * std::log2(static_cast<double>(p.tile) + 1.0) * 4.0 + 52.0) *
                       static_cast<double>(expected[3 * r + 1]);
    bound[3 * r + 2] = 0;
  }
}

void arg_max(std::span<const HostView> in, std::span<const MutableHostView> out,
             const ParamBytes& bytes) {
  const auto p = bytes.as<TileParams>();
  const auto logits = in[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    float value = in[1].as<float>()[r];
    std::uint32_t index = in[2].as<std::uint32_t>()[r];
    for (std::size_t c = 0; c < p.tile; ++c) {
      const float x = logits[r * p.tile + c];
      if (index != kNoIndex && !(x > value)) continue;
      value = x;
      index = p.first + static_cast<std::uint32_t>(c);
    }
    out[0].as<float>()[r] = value;
    out[1].as<std::uint32_t>()[r] = index;
  }
}

const Op kCrossEntropy{"cross_entropy",     3,      infer_cross_entropy, cross_entropy,
                       cross_entropy_bound, nullptr};
const Op kArgMax{"arg_max", 3, infer_arg_max, arg_max, nullptr, nullptr};

}  // namespace

const Op& cross_entropy_op() { return kCrossEntropy; }
const Op& arg_max_op() { return kArgMax; }

}  // namespace tepui
