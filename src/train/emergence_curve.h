// SPDX-License-Identifier: MIT
// Curves of a quantity over training steps, with their derivatives: the five-parameter curve of
// "Hidden Dynamics of Massive Activations in Transformer Training" (FIELD.md 6.1) and what it is
// compared with, responses to a step of systems of first and second order.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace tepui {

// t is the training step, from 0. All parameters but A and K are above 0; so x is, at step 0 too.
//   emergence          A e^(-lambda x) ln(x) + K with x = gamma t + t0
//   first_order        K (1 - e^(-t / tau))
//   over_damped        K (1 - (a e^(-b t) - b e^(-a t)) / (a - b)): b is `rate`, a - b `difference`
//   critically_damped  K (1 - e^(-b t) (1 + b t)): b is `rate`
//   under_damped       K (1 - e^(-b t) (cos(w t) + b sin(w t) / w)): b is `rate`, w `frequency`
enum class Curve : std::uint8_t {
  emergence,
  first_order,
  over_damped,
  critically_damped,
  under_damped
};
inline constexpr std::array kCurves = {Curve::emergence, Curve::first_order, Curve::over_damped,
                                       Curve::critically_damped, Curve::under_damped};

// What a parameter is measured in: height and level in that of the values (a level moves with their
// origin), time in steps, rate per step.
enum class CurveUnit : std::uint8_t { height, level, time, rate, none };

struct CurveParameter {
  std::string_view name;
  CurveUnit unit;
};

std::string_view curve_name(Curve curve);

// In the order of the formula above; the heights and levels are those that the curve is linear in.
std::span<const CurveParameter> curve_parameters(Curve curve);
inline bool is_linear(CurveUnit unit) {
  return unit == CurveUnit::height || unit == CurveUnit::level;
}

// The curve at t, and its derivatives by its parameters to `gradient`, one for each.
double curve_at(Curve curve, std::span<const double> parameters, double t,
                std::span<double> gradient);

// Where the emergence curve has its extremum: x = e^W(1 / lambda), the root of x ln(x) = 1 /
// lambda.
double peak_x(double lambda);

// The extremum's step (e^W(1 / lambda) - t0) / gamma, and its derivatives by lambda, gamma and t0;
// below 0 where the curve has passed it before the first step.
struct PeakStep {
  double step = 0;
  std::array<double, 3> gradient{};
};
PeakStep peak_step(double lambda, double gamma, double t0);

}  // namespace tepui
