// SPDX-License-Identifier: MIT
#include "ops/activation.h"

#include <cmath>
#include <numbers>

#include "ops/check.h"

namespace tepui {

bool known_activation(std::uint32_t act) { return act <= TEPUI_ACT_RELU; }

double activate(std::uint32_t act, double x) {
  switch (act) {
    case TEPUI_ACT_SILU: return x / (1.0 + std::exp(-x));
    case TEPUI_ACT_GELU_ERF: return 0.5 * x * (1.0 + std::erf(x / std::numbers::sqrt2));
    case TEPUI_ACT_GELU_TANH:
      return 0.5 * x *
             (1.0 + std::tanh(std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case TEPUI_ACT_RELU: return x > 0.0 ? x : (x < 0.0 ? 0.0 : x * 0.0);  // NaN stays NaN
    default: return x;
  }
}

double activation_bound(std::uint32_t act, double x, double error_of_x) {
  constexpr double kSteepest = 1.13;  // of silu and both GELUs; 1 for the others
  if (act == TEPUI_ACT_NONE || act == TEPUI_ACT_RELU) return error_of_x;
  return kSteepest * error_of_x + 4.0 * kEpsilon * std::abs(x);
}

}  // namespace tepui
