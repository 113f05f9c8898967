// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <numbers>

#include "ops/activation.h"
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"
#include "ops/rounding.h"

namespace tepui {

double activate(uint act, double x) {
  switch (act) {
    case TEPUI_ACT_SILU: return x / (1 + std::exp(-x));
    case TEPUI_ACT_GELU_ERF: return x / 2 * (1 + std::erf(x / std::numbers::sqrt2));
    case TEPUI_ACT_GELU_TANH: {
      const double factor = std::sqrt(2 / std::numbers::pi);
      return x / 2 * (1 + std::tanh(factor * (x + 0.044715 * x * x * x)));
    }
    case TEPUI_ACT_RELU: return x > 0 || std::isnan(x) ? x : 0;
    case TEPUI_ACT_SIGMOID: return 1 / (1 + std::exp(-x));
    default: return x;
  }
}

double activation_slope(uint act) {
  return act == TEPUI_ACT_NONE || act == TEPUI_ACT_RELU ? 1 : 1.13;
}

// silu and sigmoid: a few ulp of the result and the exponential's error where the exponential
// decides it. gelu: a few ulp of the result and, because 1 + erf cancels for negative x, of x up to
// 6 from zero, where the sum has become exactly 0 or 2.
double activation_error(uint act, double x) {
  const double value = std::abs(activate(act, x));
  const double magnitude = std::abs(x);
  switch (act) {
    case TEPUI_ACT_SILU: {
      const double tail = 1 / (1 + std::exp(x));  // 1 - sigmoid(x)
      return value * (8 * kUnit + tail * exp_error(magnitude)) + 4 * kTiny * (1 + magnitude);
    }
    case TEPUI_ACT_SIGMOID: {
      const double tail = 1 / (1 + std::exp(x));
      return value * (8 * kUnit + tail * exp_error(magnitude)) + 4 * kTiny;
    }
    case TEPUI_ACT_GELU_ERF:
    case TEPUI_ACT_GELU_TANH:
      return 4 * kUnit * (value + std::min(magnitude, 6.0)) + 4 * kTiny * (1 + magnitude);
    default: return 0;
  }
}

namespace {

Result<Types> infer_act(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ActParams>();
  OperandCheck check("act", in, {"x"});
  check.has_elements(0, p.count).holds(known_activation(p.act), "unknown activation");
  if (!in.empty()) check.is(0, DType::f32, in[0].shape);
  return check.gives(Types(in.begin(), in.end()));
}

void reference_act(std::span<const HostView> in, std::span<const MutableHostView> out,
                   const ParamBytes& bytes) {
  const auto p = bytes.as<ActParams>();
  const Elements<float> x(in[0]);
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < p.count; ++i) {
    y[i] = static_cast<float>(activate(p.act, static_cast<double>(x[i])));
  }
}

// The function's own error and the result's rounding; none and relu are exact.
void bound_act(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<ActParams>();
  const Elements<float> x(request.in[0]);
  for (std::size_t i = 0; i < p.count; ++i) {
    bound[i] = activation_error(p.act, static_cast<double>(x[i]));
  }
}

Result<Types> infer_act_mul(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ActParams>();
  OperandCheck check("act_mul", in, {"gate", "up"});
  check.has_elements(0, p.count).holds(known_activation(p.act), "unknown activation");
  if (in.size() != 2) return check.gives({});
  check.is(0, DType::f32, in[0].shape).is(1, DType::f32, in[0].shape);
  return check.gives({in[0]});
}

void reference_act_mul(std::span<const HostView> in, std::span<const MutableHostView> out,
                       const ParamBytes& bytes) {
  const auto p = bytes.as<ActParams>();
  const Elements<float> gate(in[0]);
  const Elements<float> up(in[1]);
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < p.count; ++i) {
    const double value = activate(p.act, static_cast<double>(gate[i]));
    y[i] = static_cast<float>(value * static_cast<double>(up[i]));
  }
}

// The function's error times |up|, its rounding to f32 before the product, and the product's own.
void bound_act_mul(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<ActParams>();
  const Elements<float> gate(request.in[0]);
  const Elements<float> up(request.in[1]);
  for (std::size_t i = 0; i < p.count; ++i) {
    const auto g = static_cast<double>(gate[i]);
    const auto u = std::abs(static_cast<double>(up[i]));
    const double value = std::abs(activate(p.act, g)) * u;
    bound[i] = activation_error(p.act, g) * u + 3 * kUnit * value + kTiny;
  }
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  return static_cast<double>(bytes.as<ActParams>().count);
}

Status gradient_act(GradientBuilder& at) {
  const auto p = at.params<ActParams>();
  at.give(0, at.builder().act_grad(at.in(0), at.of_out(), kNone, p.act, at.name(0)));
  return {};
}

Status gradient_act_mul(GradientBuilder& at) {
  const auto p = at.params<ActParams>();
  Builder& b = at.builder();
  const Value dy = at.of_out();
  if (at.wants(0)) at.give(0, b.act_grad(at.in(0), dy, at.in(1), p.act, at.name(0)));
  if (at.wants(1)) at.give(1, b.act_mul(at.in(0), dy, p.act, at.name(1)));
  return {};
}

}  // namespace

const Op& act_op() {
  static constexpr Op kOp{"act", 1, infer_act, reference_act, bound_act, flops, gradient_act};
  return kOp;
}

const Op& act_mul_op() {
  static constexpr Op kOp{"act_mul",     2,     infer_act_mul,   reference_act_mul,
                          bound_act_mul, flops, gradient_act_mul};
  return kOp;
}

}  // namespace tepui
