// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"
#include "ops/norm_groups.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<NormParams>();
  const Shape x = shape_of(p.rows, std::uint64_t{p.groups} * p.dim);
  return OperandCheck("rms_norm", in, {"x", "weight"})
      .holds(p.dim > 0 && p.groups > 0, "expected groups of a width of at least 1")
      .is(0, DType::f32, x)
      .is(1, DType::f32, norm_weight_shape(p))
      .gives({{DType::f32, x}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<NormParams>();
  const Elements<float> x(in[0]);
  const Elements<float> weight(in[1]);
  const auto y = out[0].as<float>();
  for_each_group(p, [&](std::size_t first, std::size_t weights) {
    double squares = 0;
    for (std::size_t d = 0; d < p.dim; ++d) {
      const auto value = static_cast<double>(x[first + d]);
      squares += value * value;
    }
    const double root = std::sqrt(squares / p.dim + static_cast<double>(p.eps));
    for (std::size_t d = 0; d < p.dim; ++d) {
      const auto value = static_cast<double>(x[first + d]);
      y[first + d] = static_cast<float>(value / root * static_cast<double>(weight[weights + d]));
    }
  });
}

// Relative to each element: half of D eps for the sum of squares, which cannot cancel, and a few
// roundings.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<NormParams>();
  const Elements<float> expected(request.expected[0]);
  const double relative = (0.5 * p.dim + 8) * kUnit;
  for (std::size_t i = 0; i < bound.size(); ++i) {
    bound[i] = relative * std::abs(static_cast<double>(expected[i])) + kTiny;
  }
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<NormParams>();
  return 4.0 * p.rows * p.groups * p.dim;
}

Status gradient(GradientBuilder& at) {
  const auto p = at.params<NormParams>();
  Builder& b = at.builder();
  const auto gradient = b.norm_grad(at.in(0), at.in(1), at.of_out(), p, false, at.name(0));
  at.give(0, gradient.dx);
  const std::int64_t columns = std::int64_t{p.dim} * (p.apart != 0 ? p.groups : 1);
  if (at.wants(1)) at.give(1, b.column_sum(gradient.dn, columns, at.name(1)));
  return {};
}

}  // namespace

const Op& rms_norm_op() {
  static constexpr Op kOp{"rms_norm", 2, infer, reference, bound, flops, gradient};
  return kOp;
}

}  // namespace tepui
