// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer_as(std::string_view name, std::span<const TensorType> in,
                       const ParamBytes& bytes, bool by_row) {
  const auto p = bytes.as<LossParams>();
  const Shape x = shape_of(p.rows, p.dim);
  return OperandCheck(name, in, {"x", "target", "weight"})
      .is(0, DType::f32, x)
      .is(1, DType::f32, x)
      .is_absent_or(2, DType::f32, shape_of(p.rows))
      .gives({{DType::f32, by_row ? shape_of(p.rows) : x}});
}

Result<Types> infer_error(std::span<const TensorType> in, const ParamBytes& bytes) {
  return infer_as("squared_error", in, bytes, true);
}

Result<Types> infer_grad(std::span<const TensorType> in, const ParamBytes& bytes) {
  return infer_as("squared_error_grad", in, bytes, false);
}

double weight_of(std::span<const HostView> in, std::size_t r) {
  return in[2].present() ? static_cast<double>(Elements<float>(in[2])[r]) : 1;
}

void reference_error(std::span<const HostView> in, std::span<const MutableHostView> out,
                     const ParamBytes& bytes) {
  const auto p = bytes.as<LossParams>();
  const Elements<float> x(in[0]);
  const Elements<float> target(in[1]);
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    double sum = 0;
    for (std::size_t i = r * p.dim; i < (r + 1) * p.dim; ++i) {
      const double off = static_cast<double>(x[i]) - static_cast<double>(target[i]);
      sum += off * off;
    }
    y[r] = static_cast<float>(weight_of(in, r) * sum);
  }
}

// Nothing cancels but in the differences, which are rounded once.
void bound_error(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<LossParams>();
  for (std::size_t r = 0; r < bound.size(); ++r) {
    const double loss = std::abs(static_cast<double>(Elements<float>(request.expected[0])[r]));
    const double weight = std::abs(weight_of(request.in, r));
    bound[r] = (p.dim + 6.0) * kUnit * loss + kTiny * (1 + p.dim * weight);
  }
}

void reference_grad(std::span<const HostView> in, std::span<const MutableHostView> out,
                    const ParamBytes& bytes) {
  const auto p = bytes.as<LossParams>();
  const Elements<float> x(in[0]);
  const Elements<float> target(in[1]);
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double off = static_cast<double>(x[i]) - static_cast<double>(target[i]);
    y[i] = static_cast<float>(2 * weight_of(in, i / p.dim) * off);
  }
}

void bound_grad(const BoundRequest& request, std::span<double> bound) {
  const Elements<float> expected(request.expected[0]);
  for (std::size_t i = 0; i < bound.size(); ++i)
    bound[i] = 3 * kUnit * std::abs(static_cast<double>(expected[i])) + kTiny;
}

Status gradient(GradientBuilder& at) {
  TEPUI_TRY(expect_loss(at));
  if (at.wants(2))
    return fail(ErrorKind::unsupported,
                "differentiate: squared_error: the weights of rows are constants");
  const Value dx = at.builder().squared_error_grad(at.in(0), at.in(1), at.in(2), at.name(0));
  at.give(0, dx);
  if (at.wants(1)) at.give(1, at.builder().scale(dx, -1, at.name(1)));
  return {};
}

}  // namespace

const Op& squared_error_op() {
  static constexpr Op kOp{"squared_error", 3,       infer_error, reference_error,
                          bound_error,     nullptr, gradient};
  return kOp;
}

const Op& squared_error_grad_op() {
  static constexpr Op kOp{"squared_error_grad", 3, infer_grad, reference_grad, bound_grad, nullptr};
  return kOp;
}

}  // namespace tepui
