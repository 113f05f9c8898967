// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <numbers>

#include "ops/activation.h"
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

// x sigmoid(w(x)): silu and gelu's tanh form.
struct Gated {
  double w;
  double slope;  // w'(x)

  double on() const { return 1 / (1 + std::exp(-w)); }
  double off() const { return 1 / (1 + std::exp(w)); }  // 1 - on()
};

Gated gated(uint act, double x) {
  if (act == TEPUI_ACT_SILU) return {x, 1};
  const double factor = 2 * std::sqrt(2 / std::numbers::pi);
  return {factor * (x + 0.044715 * x * x * x), factor * (1 + 3 * 0.044715 * x * x)};
}

double normal_density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }

}  // namespace

double activation_gradient(uint act, double x) {
  switch (act) {
    case TEPUI_ACT_SILU:
    case TEPUI_ACT_GELU_TANH: {
      const Gated g = gated(act, x);
      const double both = g.on() * g.off();
      return both == 0 ? g.on() : g.on() + both * x * g.slope;
    }
    case TEPUI_ACT_GELU_ERF: return std::erfc(-x / std::numbers::sqrt2) / 2 + x * normal_density(x);
    case TEPUI_ACT_RELU: return x > 0 || std::isnan(x) ? 1 : 0;
    case TEPUI_ACT_SIGMOID: return 1 / (1 + std::exp(-x)) / (1 + std::exp(x));
    default: return 1;
  }
}

// sigmoid and its slope go wrong by the exponential's error where both sides count, and all terms
// by a few roundings; the density of gelu's erf form likewise.
double activation_gradient_error(uint act, double x) {
  const double magnitude = std::abs(x);
  switch (act) {
    case TEPUI_ACT_SILU:
    case TEPUI_ACT_GELU_TANH: {
      const Gated g = gated(act, x);
      const double both = g.on() * g.off();
      const double stretch = both == 0 ? 0 : both * magnitude * g.slope;
      return 16 * kUnit * (g.on() + stretch) + 2 * exp_error(std::abs(g.w)) * (both + stretch) +
             8 * kTiny * (1 + std::min(magnitude, 1e3) * g.slope);
    }
    case TEPUI_ACT_SIGMOID: {
      const double both = activation_gradient(act, x);
      return both * (16 * kUnit + 2 * exp_error(magnitude)) + 4 * kTiny;
    }
    case TEPUI_ACT_GELU_ERF:
      return 6 * kUnit +
             magnitude * normal_density(x) * (exp_error(magnitude * magnitude / 2) + 8 * kUnit) +
             4 * kTiny * (1 + magnitude);
    default: return 0;
  }
}

namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ActParams>();
  OperandCheck check("act_grad", in, {"x", "dy", "factor"});
  check.has_elements(0, p.count).holds(known_activation(p.act), "unknown activation");
  if (in.size() != 3) return check.gives({});
  check.is(0, DType::f32, in[0].shape)
      .is(1, DType::f32, in[0].shape)
      .is_absent_or(2, DType::f32, in[0].shape);
  return check.gives({in[0]});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<ActParams>();
  const Elements<float> x(in[0]);
  const Elements<float> dy(in[1]);
  const Elements<float> factor(in[2]);
  const auto dx = out[0].as<float>();
  for (std::size_t i = 0; i < p.count; ++i) {
    const double slope = activation_gradient(p.act, static_cast<double>(x[i]));
    const double times = in[2].present() ? static_cast<double>(factor[i]) : 1;
    dx[i] = static_cast<float>(slope * static_cast<double>(dy[i]) * times);
  }
}

void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<ActParams>();
  const Elements<float> x(request.in[0]);
  const Elements<float> dy(request.in[1]);
  const Elements<float> factor(request.in[2]);
  for (std::size_t i = 0; i < p.count; ++i) {
    const auto value = static_cast<double>(x[i]);
    const auto d = std::abs(static_cast<double>(dy[i]));
    const double f = request.in[2].present() ? std::abs(static_cast<double>(factor[i])) : 1;
    const double slope = std::abs(activation_gradient(p.act, value));
    bound[i] = (activation_gradient_error(p.act, value) + 4 * kUnit * slope + 2 * kTiny) * d * f +
               kTiny * (1 + f);
  }
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  return static_cast<double>(bytes.as<ActParams>().count);
}

}  // namespace

const Op& act_grad_op() {
  static constexpr Op kOp{"act_grad", 3, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
