// SPDX-License-Identifier: MIT
// Dynamic tanh (Zhu et al. 2025, "Transformers without Normalization") and its gradient.
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

OperandCheck& check_dyt(OperandCheck& check, const MatrixParams& p, const Shape& x) {
  return check.holds(p.columns > 0, "expected a width of at least 1")
      .is(0, DType::f32, x)
      .is(1, DType::f32, shape_of(1U))
      .is_absent_or(2, DType::f32, shape_of(p.columns));
}

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<MatrixParams>();
  const Shape x = shape_of(p.rows, p.columns);
  OperandCheck check("dyt", in, {"x", "alpha", "weight", "bias"});
  return check_dyt(check, p, x)
      .is_absent_or(3, DType::f32, shape_of(p.columns))
      .gives({{DType::f32, x}});
}

Result<Types> infer_grad(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<MatrixParams>();
  const Shape x = shape_of(p.rows, p.columns);
  OperandCheck check("dyt_grad", in, {"x", "alpha", "weight", "dy"});
  return check_dyt(check, p, x)
      .is(3, DType::f32, x)
      .gives({{DType::f32, x}, {DType::f32, x}, {DType::f32, x}});
}

// One element in double precision.
struct Saturated {
  double x;
  double alpha;
  double t;        // tanh(alpha x)
  double slope;    // 1 - t^2
  double t_error;  // absolute: tanh's own, and the product's rounding through the slope
  double weight;

  double slope_error() const { return 2 * std::abs(t) * t_error + t_error * t_error + 2 * kUnit; }
};

Saturated saturated(std::span<const HostView> in, const MatrixParams& p, std::size_t i) {
  Saturated s;
  s.x = static_cast<double>(Elements<float>(in[0])[i]);
  s.alpha = static_cast<double>(Elements<float>(in[1])[0]);
  s.weight = in[2].present() ? static_cast<double>(Elements<float>(in[2])[i % p.columns]) : 1;
  s.t = std::tanh(s.alpha * s.x);
  s.slope = 1 - s.t * s.t;
  s.t_error = (kTanhError + 1) * kUnit * std::abs(s.t) + kTiny;
  return s;
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<MatrixParams>();
  const Elements<float> bias(in[3]);
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < y.size(); ++i) {
    const Saturated s = saturated(in, p, i);
    const double more = in[3].present() ? static_cast<double>(bias[i % p.columns]) : 0;
    y[i] = static_cast<float>(s.t * s.weight + more);
  }
}

// tanh's error times the weight, and the roundings of product and sum.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<MatrixParams>();
  const Elements<float> bias(request.in[3]);
  for (std::size_t i = 0; i < bound.size(); ++i) {
    const Saturated s = saturated(request.in, p, i);
    const double more =
        request.in[3].present() ? std::abs(static_cast<double>(bias[i % p.columns])) : 0;
    const double w = std::abs(s.weight);
    bound[i] = w * s.t_error + 2 * kUnit * (w * std::abs(s.t) + more) + kTiny * (1 + w);
  }
}

void reference_grad(std::span<const HostView> in, std::span<const MutableHostView> out,
                    const ParamBytes& bytes) {
  const auto p = bytes.as<MatrixParams>();
  const Elements<float> dy(in[3]);
  const auto dx = out[0].as<float>();
  const auto dn = out[1].as<float>();
  const auto da = out[2].as<float>();
  for (std::size_t i = 0; i < dx.size(); ++i) {
    const Saturated s = saturated(in, p, i);
    const auto d = static_cast<double>(dy[i]);
    dx[i] = static_cast<float>(s.alpha * d * s.weight * s.slope);
    dn[i] = static_cast<float>(d * s.t);
    da[i] = static_cast<float>(d * s.weight * s.slope * s.x);
  }
}

// The slope is a difference from 1: its error is absolute.
void bound_grad(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<MatrixParams>();
  const Elements<float> dy(request.in[3]);
  for (std::size_t i = 0; i < bound.size(); ++i) {
    const Saturated s = saturated(request.in, p, i);
    const double d = std::abs(static_cast<double>(dy[i]));
    const double factor = d * std::abs(s.weight) * std::abs(request.output == 0 ? s.alpha : s.x);
    const double through = factor * (s.slope_error() + 4 * kUnit * s.slope) + kTiny * (1 + factor);
    bound[i] = request.output == 1 ? d * (s.t_error + 2 * kUnit * std::abs(s.t)) + kTiny * (1 + d)
                                   : through + kTiny * (1 + d * std::abs(s.weight)) *
                                                   (1 + std::abs(s.alpha) + std::abs(s.x));
  }
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<MatrixParams>();
  return 10.0 * p.rows * p.columns;
}

Status gradient(GradientBuilder& at) {
  const auto p = at.params<MatrixParams>();
  Builder& b = at.builder();
  const Value dy = at.of_out();
  if (at.wants(3)) at.give(3, b.column_sum(dy, p.columns, at.name(3)));
  if (!at.wants(0) && !at.wants(1) && !at.wants(2)) return {};
  const auto made = b.dyt_grad(at.in(0), at.in(1), at.in(2), dy, at.name(0));
  at.give(0, made.dx);
  if (at.wants(1)) at.give(1, b.column_sum(made.da, 1, at.name(1)));
  if (at.wants(2)) at.give(2, b.column_sum(made.dn, p.columns, at.name(2)));
  return {};
}

}  // namespace

const Op& dyt_op() {
  static constexpr Op kOp{"dyt", 4, infer, reference, bound, flops, gradient};
  return kOp;
}

const Op& dyt_grad_op() {
  static constexpr Op kOp{"dyt_grad", 4, infer_grad, reference_grad, bound_grad, flops};
  return kOp;
}

}  // namespace tepui
