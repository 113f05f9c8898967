// SPDX-License-Identifier: MIT
#include <cmath>
#include <vector>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/norm_groups.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

NormParams norm_of(const NormGradParams& p) { return {p.rows, p.dim, p.eps, p.groups, p.apart}; }

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<NormGradParams>();
  const Shape x = shape_of(p.rows, std::uint64_t{p.groups} * p.dim);
  return OperandCheck("norm_grad", in, {"x", "weight", "dy"})
      .holds(p.dim > 0 && p.groups > 0, "expected groups of a width of at least 1")
      .is(0, DType::f32, x)
      .is_absent_or(1, DType::f32, norm_weight_shape(norm_of(p)))
      .is(2, DType::f32, x)
      .gives({{DType::f32, x}, {DType::f32, x}});
}

// One group in double precision.
struct Group {
  std::vector<double> x;
  std::vector<double> n;  // normalised
  std::vector<double> g;  // dy weight
  std::vector<double> dy;
  double mean = 0;            // of x, where centred
  double mean_magnitude = 0;  // of |x|
  double factor = 0;          // s
  double along = 0;           // mean(g n)
  double shift = 0;           // mean(g), where centred
};

Group group_of(std::span<const HostView> in, const NormGradParams& p, std::size_t first,
               std::size_t weights) {
  const Elements<float> x(in[0]);
  const Elements<float> weight(in[1]);
  const Elements<float> dy(in[2]);
  Group group;
  for (std::size_t d = 0; d < p.dim; ++d) {
    const double w = in[1].present() ? static_cast<double>(weight[weights + d]) : 1;
    group.x.push_back(static_cast<double>(x[first + d]));
    group.dy.push_back(static_cast<double>(dy[first + d]));
    group.g.push_back(group.dy.back() * w);
    group.mean_magnitude += std::abs(group.x.back()) / p.dim;
    if (p.centred != 0) group.mean += group.x.back() / p.dim;
  }
  double squares = 0;
  for (const double value : group.x) squares += (value - group.mean) * (value - group.mean);
  group.factor = 1 / std::sqrt(squares / p.dim + static_cast<double>(p.eps));
  for (std::size_t d = 0; d < p.dim; ++d) {
    group.n.push_back((group.x[d] - group.mean) * group.factor);
    group.along += group.g[d] * group.n[d] / p.dim;
    if (p.centred != 0) group.shift += group.g[d] / p.dim;
  }
  return group;
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<NormGradParams>();
  const auto dx = out[0].as<float>();
  const auto dn = out[1].as<float>();
  for_each_group(norm_of(p), [&](std::size_t first, std::size_t weights) {
    const Group at = group_of(in, p, first, weights);
    for (std::size_t d = 0; d < p.dim; ++d) {
      dx[first + d] = static_cast<float>(at.factor * (at.g[d] - at.n[d] * at.along - at.shift));
      dn[first + d] = static_cast<float>(at.dy[d] * at.n[d]);
    }
  });
}

// How far off a backend's n may be: by its centred value, and by the factor, whose sum of squares
// cannot cancel but is made of those.
std::vector<double> normalised_error(const Group& at, bool centred, double& relative) {
  const auto dim = static_cast<double>(at.x.size());
  const double of_mean = centred ? dim * kUnit * at.mean_magnitude : 0;
  std::vector<double> error;
  relative = (0.5 * dim + 10) * kUnit;
  for (std::size_t d = 0; d < at.x.size(); ++d) {
    const double off = centred ? 2 * kUnit * (std::abs(at.x[d]) + std::abs(at.mean)) + of_mean : 0;
    error.push_back(at.factor * off);
    relative += (std::abs(at.n[d]) + error.back() / 2) * error.back() / dim;
  }
  for (std::size_t d = 0; d < at.x.size(); ++d) error[d] += std::abs(at.n[d]) * relative + kTiny;
  return error;
}

void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<NormGradParams>();
  const double dim = p.dim;
  for_each_group(norm_of(p), [&](std::size_t first, std::size_t weights) {
    const Group at = group_of(request.in, p, first, weights);
    double relative = 0;
    const std::vector<double> of_n = normalised_error(at, p.centred != 0, relative);
    double of_along = 0;
    double of_shift = 0;
    for (std::size_t d = 0; d < p.dim; ++d) {
      const double g = std::abs(at.g[d]) / dim;
      of_along += g * of_n[d] + (dim + 5) * kUnit * g * std::abs(at.n[d]);
      if (p.centred != 0) of_shift += (dim + 5) * kUnit * g;
    }
    for (std::size_t d = 0; d < p.dim; ++d) {
      const double n = std::abs(at.n[d]);
      const double terms = std::abs(at.g[d]) + n * std::abs(at.along) + std::abs(at.shift);
      const double inner =
          6 * kUnit * terms + of_n[d] * std::abs(at.along) + n * of_along + of_shift;
      const double dx = std::abs(at.g[d] - at.n[d] * at.along - at.shift);
      const double dy = std::abs(at.dy[d]);
      const double of_dx = 1.05 * at.factor * (inner + dx * relative);
      const double of_dn = 1.05 * dy * (of_n[d] + 2 * kUnit * n);
      bound[first + d] = (request.output == 0 ? of_dx : of_dn) + kTiny * (1 + at.factor);
    }
  });
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<NormGradParams>();
  return 10.0 * p.rows * p.groups * p.dim;
}

}  // namespace

const Op& norm_grad_op() {
  static constexpr Op kOp{"norm_grad", 3, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
