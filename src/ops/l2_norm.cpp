// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  Shape shape = shape_of(p.rows, p.dim);
  // Rows of several groups.
  const bool grouped = !in.empty() && in[0].shape.rank() == 2 && p.dim > 0 &&
                       in[0].shape[1] % p.dim == 0 && in[0].shape.elements() == shape.elements();
  if (grouped) shape = in[0].shape;
  return OperandCheck("l2_norm", in, {"x"})
      .is(0, DType::f32, shape)
      .gives({{DType::f32, shape_of(p.rows)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  const Elements<float> x(in[0]);
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    double squares = 0;
    for (std::size_t d = 0; d < p.dim; ++d) {
      const auto value = static_cast<double>(x[r * p.dim + d]);
      squares += value * value;
    }
    y[r] = static_cast<float>(std::sqrt(squares));
  }
}

// Half of D eps relative for the sum of squares, which cannot cancel, and the roundings of the
// root; squares below the smallest normal may be lost.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<ReduceParams>();
  const Elements<float> expected(request.expected[0]);
  for (std::size_t r = 0; r < p.rows; ++r) {
    bound[r] =
        (0.5 * p.dim + 4) * kUnit * static_cast<double>(expected[r]) + std::sqrt(p.dim * kTiny);
  }
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<ReduceParams>();
  return 2.0 * p.rows * p.dim;
}

}  // namespace

const Op& l2_norm_op() {
  static constexpr Op kOp{"l2_norm", 1, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
