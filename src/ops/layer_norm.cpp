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
  return OperandCheck("layer_norm", in, {"x", "weight", "bias"})
      .holds(p.dim > 0 && p.groups > 0, "expected groups of a width of at least 1")
      .is(0, DType::f32, x)
      .is_absent_or(1, DType::f32, norm_weight_shape(p))
      .is_absent_or(2, DType::f32, norm_weight_shape(p))
      .gives({{DType::f32, x}});
}

struct Moments {
  double mean = 0;
  double mean_magnitude = 0;  // of |x|
  double variance = 0;
};

Moments moments(const Elements<float>& x, std::size_t first, std::size_t dim) {
  Moments m;
  for (std::size_t d = 0; d < dim; ++d) {
    const auto value = static_cast<double>(x[first + d]);
    m.mean += value;
    m.mean_magnitude += std::abs(value);
  }
  m.mean /= static_cast<double>(dim);
  m.mean_magnitude /= static_cast<double>(dim);
  for (std::size_t d = 0; d < dim; ++d) {
    const double centred = static_cast<double>(x[first + d]) - m.mean;
    m.variance += centred * centred;
  }
  m.variance /= static_cast<double>(dim);
  return m;
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<NormParams>();
  const Elements<float> x(in[0]);
  const Elements<float> weight(in[1]);
  const Elements<float> bias(in[2]);
  const auto y = out[0].as<float>();
  for_each_group(p, [&](std::size_t first, std::size_t weights) {
    const Moments m = moments(x, first, p.dim);
    const double root = std::sqrt(m.variance + static_cast<double>(p.eps));
    for (std::size_t d = 0; d < p.dim; ++d) {
      double value = (static_cast<double>(x[first + d]) - m.mean) / root;
      if (in[1].present()) value *= static_cast<double>(weight[weights + d]);
      if (in[2].present()) value += static_cast<double>(bias[weights + d]);
      y[first + d] = static_cast<float>(value);
    }
  });
}

// The mean's error, D eps mean|x|, and eps of x - mean, both over the root and times the weight;
// the root's relative error: half of D eps, and the square of the mean's error against the
// variance; the bias's rounding.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<NormParams>();
  const Elements<float> x(request.in[0]);
  const Elements<float> weight(request.in[1]);
  const Elements<float> bias(request.in[2]);
  for_each_group(p, [&](std::size_t first, std::size_t weights) {
    const Moments m = moments(x, first, p.dim);
    const double square = m.variance + static_cast<double>(p.eps);
    const double root = std::sqrt(square);
    const double mean_error = (p.dim + 1.0) * kUnit * m.mean_magnitude;
    const double root_error = (0.5 * p.dim + 8) * kUnit + 0.5 * mean_error * mean_error / square;
    for (std::size_t d = 0; d < p.dim; ++d) {
      const double centred = std::abs(static_cast<double>(x[first + d]) - m.mean);
      const double w =
          request.in[1].present() ? std::abs(static_cast<double>(weight[weights + d])) : 1;
      double error = w / root * (mean_error + centred * (4 * kUnit + root_error));
      if (request.in[2].present()) {
        const double b = std::abs(static_cast<double>(bias[weights + d]));
        error += 2 * kUnit * (b + w * centred / root);
      }
      bound[first + d] = error + kTiny;
    }
  });
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<NormParams>();
  return 7.0 * p.rows * p.groups * p.dim;
}

Status gradient(GradientBuilder& at) {
  const auto p = at.params<NormParams>();
  Builder& b = at.builder();
  const std::int64_t columns = std::int64_t{p.dim} * (p.apart != 0 ? p.groups : 1);
  const Value dy = at.of_out();
  if (at.wants(2)) at.give(2, b.column_sum(dy, columns, at.name(2)));
  if (!at.wants(0) && !at.wants(1)) return {};
  const auto gradient = b.norm_grad(at.in(0), at.in(1), dy, p, true, at.name(0));
  at.give(0, gradient.dx);
  if (at.wants(1)) at.give(1, b.column_sum(gradient.dn, columns, at.name(1)));
  return {};
}

}  // namespace

const Op& layer_norm_op() {
  static constexpr Op kOp{"layer_norm", 3, infer, reference, bound, flops, gradient};
  return kOp;
}

}  // namespace tepui
