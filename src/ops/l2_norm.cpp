// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"

namespace tepui {

namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  return Check("l2_norm", in).is(0, "x", f32({p.rows, p.dim})).gives({f32({p.rows})});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  const auto x = in[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    double sum = 0;
    for (std::size_t d = 0; d < p.dim; ++d) {
      const double value = static_cast<double>(x[r * p.dim + d]);
      sum += value * value;
    }
    out[0].as<float>()[r] = static_cast<float>(std::sqrt(sum));
  }
}

// A sum of squares has no cancellation: a few units in the last place whatever the width.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto expected = request.expected[0].as<float>();
  for (std::size_t r = 0; r < bound.size(); ++r)
    bound[r] = 4.0 * kEpsilon * static_cast<double>(expected[r]) + 1e-45;
}

const Op kOp{"l2_norm", 1, infer, reference, bound, nullptr};

}  // namespace

const Op& l2_norm_op() { return kOp; }

}  // namespace tepui
