// SPDX-License-Identifier: MIT
#include "train/emergence_curve.h"

#include <cmath>

namespace tepui {
namespace {

struct CurveRow {
  std::string_view name;
  std::span<const CurveParameter> parameters;
};

constexpr std::array<CurveParameter, 5> kEmergence = {{{"A", CurveUnit::height},
                                                       {"lambda", CurveUnit::none},
                                                       {"gamma", CurveUnit::rate},
                                                       {"t0", CurveUnit::none},
                                                       {"K", CurveUnit::level}}};
constexpr std::array<CurveParameter, 2> kFirstOrder = {
    {{"K", CurveUnit::height}, {"tau", CurveUnit::time}}};
constexpr std::array<CurveParameter, 3> kOverDamped = {
    {{"K", CurveUnit::height}, {"rate", CurveUnit::rate}, {"difference", CurveUnit::rate}}};
constexpr std::array<CurveParameter, 2> kCriticallyDamped = {
    {{"K", CurveUnit::height}, {"rate", CurveUnit::rate}}};
constexpr std::array<CurveParameter, 3> kUnderDamped = {
    {{"K", CurveUnit::height}, {"rate", CurveUnit::rate}, {"frequency", CurveUnit::rate}}};

constexpr std::array<CurveRow, 5> kRows = {{{"emergence", kEmergence},
                                            {"first-order", kFirstOrder},
                                            {"over-damped", kOverDamped},
                                            {"critically-damped", kCriticallyDamped},
                                            {"under-damped", kUnderDamped}}};

double emergence_at(std::span<const double> p, double t, std::span<double> gradient) {
  const double x = p[2] * t + p[3];
  const double decay = std::exp(-p[1] * x);
  const double log_x = std::log(x);
  const double by_x = p[0] * decay * (1 / x - p[1] * log_x);
  gradient[0] = decay * log_x;
  gradient[1] = -p[0] * x * decay * log_x;
  gradient[2] = by_x * t;
  gradient[3] = by_x;
  gradient[4] = 1;
  return p[0] * decay * log_x + p[4];
}

double first_order_at(std::span<const double> p, double t, std::span<double> gradient) {
  gradient[0] = -std::expm1(-t / p[1]);
  gradient[1] = -p[0] * std::exp(-t / p[1]) * t / (p[1] * p[1]);
  return p[0] * gradient[0];
}

// e^(-bt) (1 + b s) with s = (1 - e^(-dt)) / d, which keeps its digits as d goes to 0 (s to t).
double over_damped_at(std::span<const double> p, double t, std::span<double> gradient) {
  const auto [b, d] = std::pair(p[1], p[2]);
  const double decay = std::exp(-b * t);
  const double s = -std::expm1(-d * t) / d;
  const double s_by_d =
      d * t < 1e-4 ? -t * t / 2 + d * t * t * t / 3 : (t * std::exp(-d * t) - s) / d;
  gradient[0] = 1 - decay * (1 + b * s);
  gradient[1] = p[0] * decay * (t * (1 + b * s) - s);
  gradient[2] = -p[0] * decay * b * s_by_d;
  return p[0] * gradient[0];
}

double critically_damped_at(std::span<const double> p, double t, std::span<double> gradient) {
  const double decay = std::exp(-p[1] * t);
  gradient[0] = 1 - decay * (1 + p[1] * t);
  gradient[1] = p[0] * decay * p[1] * t * t;
  return p[0] * gradient[0];
}

double under_damped_at(std::span<const double> p, double t, std::span<double> gradient) {
  const auto [b, w] = std::pair(p[1], p[2]);
  const double decay = std::exp(-b * t);
  const double cosine = std::cos(w * t);
  const double sine = std::sin(w * t);
  const double swing = cosine + b * sine / w;
  gradient[0] = 1 - decay * swing;
  gradient[1] = p[0] * decay * (t * swing - sine / w);
  gradient[2] = p[0] * decay * (t * sine - b * t * cosine / w + b * sine / (w * w));
  return p[0] * gradient[0];
}

}  // namespace

std::string_view curve_name(Curve curve) { return kRows[static_cast<std::size_t>(curve)].name; }

std::span<const CurveParameter> curve_parameters(Curve curve) {
  return kRows[static_cast<std::size_t>(curve)].parameters;
}

double curve_at(Curve curve, std::span<const double> parameters, double t,
                std::span<double> gradient) {
  switch (curve) {
    case Curve::emergence: return emergence_at(parameters, t, gradient);
    case Curve::first_order: return first_order_at(parameters, t, gradient);
    case Curve::over_damped: return over_damped_at(parameters, t, gradient);
    case Curve::critically_damped: return critically_damped_at(parameters, t, gradient);
    case Curve::under_damped: return under_damped_at(parameters, t, gradient);
  }
  return std::nan("");
}

double peak_x(double lambda) {
  // Newton's steps for w + ln(w) = ln(1 / lambda), whose root is W(1 / lambda). The left side is
  // concave: whatever the start, they come to the root from below.
  const double goal = -std::log(lambda);
  double w = goal > 1 ? goal : std::exp(goal) / (1 + std::exp(goal));
  for (int step = 0; step < 50; ++step) {
    const double next = w * (1 + goal - std::log(w)) / (1 + w);
    const bool done = std::abs(next - w) <= 1e-15 * next;
    w = next;
    if (done) break;
  }
  return std::exp(w);
}

PeakStep peak_step(double lambda, double gamma, double t0) {
  const double x = peak_x(lambda);
  PeakStep peak;
  peak.step = (x - t0) / gamma;
  peak.gradient = {-1 / (lambda * lambda * (std::log(x) + 1) * gamma), -peak.step / gamma,
                   -1 / gamma};
  return peak;
}

}  // namespace tepui
