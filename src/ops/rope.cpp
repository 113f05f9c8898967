// SPDX-License-Identifier: MIT
// Rotary position embedding (Su et al. 2021).
#include <cmath>

#include "ops/check.h"

namespace tepui {

namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<RopeParams>();
  const std::int64_t table_rows = in[2].shape.rank() == 2 ? in[2].shape[0] : 0;
  const std::int64_t width = std::int64_t{p.heads} * p.head_dim;
  return Check("rope", in)
      .is(0, "x", f32({p.rows, width}))
      .is(1, "positions", i32({p.rows}))
      .is(2, "table", f32({table_rows, p.rotary_dim}))
      .holds(p.rotary_dim % 2 == 0 && p.rotary_dim <= p.head_dim,
             "rotary_dim: expected even and at most head_dim")
      .gives({f32({p.rows, width})});
}

// The two elements of pair i within a head.
std::pair<std::size_t, std::size_t> pair_of(const RopeParams& p, std::size_t i) {
  if (p.interleaved != 0) return {2 * i, 2 * i + 1};
  return {i, i + p.rotary_dim / 2};
}

template <class Visit>  // visit(index of a, index of b, cosine, sine) for every pair
void each_pair(std::span<const HostView> in, const RopeParams& p, Visit visit) {
  const auto positions = in[1].as<std::int32_t>();
  const auto table = in[2].as<float>();
  const std::size_t half = p.rotary_dim / 2;
  for (std::size_t r = 0; r < p.rows; ++r) {
    const auto angles =
        table.subspan(static_cast<std::size_t>(positions[r]) * p.rotary_dim, p.rotary_dim);
    for (std::size_t h = 0; h < p.heads; ++h) {
      const std::size_t head = (r * p.heads + h) * p.head_dim;
      for (std::size_t i = 0; i < half; ++i) {
        const auto [a, b] = pair_of(p, i);
        visit(head + a, head + b, static_cast<double>(angles[i]),
              static_cast<double>(angles[half + i]));
      }
    }
  }
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<RopeParams>();
  const auto x = in[0].as<float>();
  const auto y = out[0].as<float>();
  std::copy(x.begin(), x.end(), y.begin());  // what is not rotated passes through
  each_pair(in, p, [&](std::size_t a, std::size_t b, double cosine, double sine) {
    const double xa = static_cast<double>(x[a]);
    const double xb = static_cast<double>(x[b]);
    y[a] = static_cast<float>(xa * cosine - xb * sine);
    y[b] = static_cast<float>(xb * cosine + xa * sine);
  });
}

// Two products and a sum: three roundings, none above |x_a cos| + |x_b sin|.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<RopeParams>();
  const auto x = request.in[0].as<float>();
  std::fill(bound.begin(), bound.end(), 0.0);
  each_pair(request.in, p, [&](std::size_t a, std::size_t b, double cosine, double sine) {
    const double xa = std::abs(static_cast<double>(x[a]));
    const double xb = std::abs(static_cast<double>(x[b]));
    bound[a] = 1.5 * kEpsilon * (xa * std::abs(cosine) + xb * std::abs(sine)) + 1e-45;
    bound[b] = 1.5 * kEpsilon * (xb * std::abs(cosine) + xa * std::abs(sine)) + 1e-45;
  });
}

const Op kOp{"rope", 3, infer, reference, bound, nullptr};

}  // namespace

const Op& rope_op() { return kOp; }

}  // namespace tepui
