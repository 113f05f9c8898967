// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  return OperandCheck("l2_distance", in, {"a", "b"})
      .is(0, DType::f32, shape_of(p.rows, p.dim))
      .is(1, DType::f32, shape_of(p.rows, p.dim))
      .gives({{DType::f32, shape_of(p.rows)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  const Elements<float> a(in[0]);
  const Elements<float> b(in[1]);
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    double squares = 0;
    for (std::size_t i = r * p.dim; i < (r + 1) * p.dim; ++i) {
      const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
      squares += difference * difference;
    }
    y[r] = static_cast<float>(std::sqrt(squares));
  }
}

// As l2_norm, with one more rounding: that of each difference.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<ReduceParams>();
  const Elements<float> expected(request.expected[0]);
  for (std::size_t r = 0; r < p.rows; ++r) {
    bound[r] =
        (0.5 * p.dim + 5) * kUnit * static_cast<double>(expected[r]) + std::sqrt(p.dim * kTiny);
  }
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  return 3.0 * p.rows * p.dim;
}

}  // namespace

const Op& l2_distance_op() {
  static constexpr Op kOp{"l2_distance", 2, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
