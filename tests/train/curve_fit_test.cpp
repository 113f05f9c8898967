// SPDX-License-Identifier: MIT
// Curves over training: their derivatives, and planted parameters found again.
#include "train/curve_fit.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/draws.h"

namespace tepui {
namespace {

constexpr std::uint32_t kCurveNoise = 0x43555256;

// As Pythia's are: 0, powers of two, then every so many.
std::vector<double> pythia_steps(int regular) {
  std::vector<double> steps = {0, 1, 4, 16, 64, 256};
  for (int i = 1; i <= regular; ++i) steps.push_back(143000.0 * i / regular);
  return steps;
}

std::vector<double> planted(Curve curve, const std::vector<double>& parameters,
                            const std::vector<double>& steps, double noise, std::uint64_t seed) {
  std::mt19937_64 random = draws_of(seed, kCurveNoise);
  std::vector<double> gradient(parameters.size());
  std::vector<double> values;
  for (const double t : steps)
    values.push_back(curve_at(curve, parameters, t, gradient) + noise * draw_normal(random));
  return values;
}

struct PlantedCurve {
  Curve curve;
  std::vector<double> parameters;
};

const std::vector<PlantedCurve>& planted_curves() {
  static const std::vector<PlantedCurve> curves = {
      {Curve::emergence, {900, 0.15, 1.2e-4, 0.4, 700}},
      {Curve::first_order, {1200, 2e4}},
      {Curve::over_damped, {1200, 4e-5, 2e-4}},
      {Curve::critically_damped, {1200, 1e-4}},
      {Curve::under_damped, {1200, 4e-5, 1.5e-4}}};
  return curves;
}

TEST(EmergenceCurve, DerivativesAgreeWithDifferences) {
  for (const PlantedCurve& one : planted_curves()) {
    const Curve curve = one.curve;
    const std::vector<double>& parameters = one.parameters;
    std::vector<double> gradient(parameters.size());
    std::vector<double> unused(parameters.size());
    for (const double t : {0.0, 3.0, 2e3, 5e4, 1.43e5}) {
      curve_at(curve, parameters, t, gradient);
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        const double h = 1e-5 * parameters[i];
        std::vector<double> p = parameters;
        const auto at = [&](double value) {
          p[i] = value;
          return curve_at(curve, p, t, unused);
        };
        const double difference = (at(parameters[i] + h) - at(parameters[i] - h)) / (2 * h);
        EXPECT_NEAR(gradient[i] * parameters[i], difference * parameters[i],
                    1e-7 * std::abs(difference * parameters[i]) + 1e-5)
            << curve_name(curve) << ", " << curve_parameters(curve)[i].name << " at " << t;
      }
    }
  }
}

// Over-damped with almost equal rates is critically damped.
TEST(EmergenceCurve, EqualRatesKeepTheirDigits) {
  std::vector<double> gradient(3);
  for (const double difference : {1e-6, 1e-9, 1e-15})
    EXPECT_NEAR(curve_at(Curve::over_damped, std::vector{10.0, 0.5, difference}, 4, gradient),
                curve_at(Curve::critically_damped, std::vector{10.0, 0.5}, 4, gradient),
                50 * difference + 1e-14);
}

TEST(EmergenceCurve, PeakIsWhereTheDerivativeVanishes) {
  for (const double lambda : {1e-9, 1e-3, 0.15, 1.0, 7.0, 1e6}) {
    const double x = peak_x(lambda);
    EXPECT_NEAR(lambda * x * std::log(x), 1, 1e-9) << lambda;
  }
  EXPECT_NEAR(peak_x(1), std::exp(0.5671432904097838), 1e-14);  // the omega constant
  const PeakStep peak = peak_step(0.15, 1.2e-4, 0.4);
  const std::array<double, 3> at = {0.15, 1.2e-4, 0.4};
  for (std::size_t i = 0; i < 3; ++i) {
    std::array<double, 3> up = at;
    std::array<double, 3> down = at;
    up[i] *= 1 + 1e-6;
    down[i] *= 1 - 1e-6;
    const double difference =
        (peak_step(up[0], up[1], up[2]).step - peak_step(down[0], down[1], down[2]).step) /
        (2e-6 * at[i]);
    EXPECT_NEAR(peak.gradient[i], difference, 1e-6 * std::abs(difference)) << i;
  }
}

// Each parameter within four of its standard errors, and together as far off as these say.
TEST(CurveFit, PlantedParametersAreFoundWithinTheirErrors) {
  const std::vector<double> steps = pythia_steps(40);
  for (const auto& [curve, parameters] : planted_curves()) {
    double squares = 0;
    int count = 0;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const auto fit = fit_curve(curve, steps, planted(curve, parameters, steps, 12, seed));
      ASSERT_TRUE(fit) << curve_name(curve) << ", seed " << seed << ": " << fit.error().message;
      EXPECT_GT(fit->r2, 0.97);
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        const Estimate& found = fit->parameters[i];
        const double pull = (found.value - parameters[i]) / found.error;
        EXPECT_LT(std::abs(pull), 4)
            << curve_name(curve) << ", " << curve_parameters(curve)[i].name << ": " << found.value
            << " +- " << found.error << " for " << parameters[i] << ", seed " << seed;
        squares += pull * pull;
        ++count;
      }
      EXPECT_EQ(fit->peak.has_value(), curve == Curve::emergence);
      if (fit->peak) {
        const double step = peak_step(parameters[1], parameters[2], parameters[3]).step;
        EXPECT_NEAR(fit->peak->value, step, 0.05 * step);
        EXPECT_LT(std::abs(fit->peak->value - step), 4 * fit->peak->error);
      }
    }
    EXPECT_GT(squares / count, 0.3) << curve_name(curve);
    EXPECT_LT(squares / count, 2.5) << curve_name(curve);
  }
}

// Without noise the parameters come back to many digits, whatever the unit of steps and values.
TEST(CurveFit, ExactPointsGiveExactParameters) {
  const std::vector<double> steps = {0, 1, 2, 4, 8, 16, 32, 64, 100, 150};
  const std::vector<double> parameters = {-3e-4, 0.2, 0.15, 0.3, 5e-4};
  const auto fit =
      fit_curve(Curve::emergence, steps, planted(Curve::emergence, parameters, steps, 0, 1));
  ASSERT_TRUE(fit) << fit.error().message;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    EXPECT_NEAR(fit->parameters[i].value, parameters[i], 1e-5 * std::abs(parameters[i])) << i;
  EXPECT_FALSE(fit->peak);  // it is a trough
}

// Of the curves that are no limits of another with more parameters, which may gain by chance.
TEST(CurveFit, LeastAicChoosesTheCurveThatWasPlanted) {
  const std::vector<double> steps = pythia_steps(40);
  for (const std::size_t which : {0U, 2U, 4U}) {
    const auto& [curve, parameters] = planted_curves()[which];
    const CurveFits fits = fit_curves(steps, planted(curve, parameters, steps, 12, 3));
    ASSERT_TRUE(fits.best);
    EXPECT_EQ(fits.fits[*fits.best].first, curve) << curve_name(fits.fits[*fits.best].first);
  }
}

void expect_refused(const std::vector<double>& steps, const std::vector<double>& values,
                    const std::string& why) {
  const auto fit = fit_curve(Curve::emergence, steps, values);
  ASSERT_FALSE(fit) << why;
  EXPECT_NE(fit.error().message.find(why), std::string::npos) << fit.error().message;
}

TEST(CurveFit, SaysWhyItCannotFit) {
  const std::vector<double> steps = pythia_steps(20);
  expect_refused({0, 250, 500, 1500}, {6, 100, 900, 400}, "too few points: needs 8, found 4");
  expect_refused(steps, std::vector<double>(steps.size(), 7.0), "values that vary, found 7");
  std::vector<double> broken(steps.size(), 7.0);
  broken[3] = std::nan("");
  expect_refused(steps, broken, "found nan at step 16");
  std::vector<double> line;  // ever larger A and ever smaller gamma come ever nearer
  for (const double t : steps) line.push_back(t / 1000);
  expect_refused(steps, line, "no convergence");
  std::vector<double> away(steps.size(), 0.0);  // over before the second point: any rate does it
  away.front() = 1;
  expect_refused(steps, away, "the points do not determine its parameters");
  const std::vector<double> level = {6, 5.5, 6, 6.2, 6.1, 6.3};  // the curve is 0 at step 0
  const auto far = fit_curve(Curve::first_order, std::vector<double>{0, 1, 2, 3, 4, 5}, level);
  ASSERT_FALSE(far);
  EXPECT_NE(far.error().message.find("no nearer to the points than their mean (R2 -"),
            std::string::npos)
      << far.error().message;
  const CurveFits none = fit_curves({steps.data(), 4}, {line.data(), 4});
  EXPECT_EQ(none.fits.size(), kCurves.size());
  EXPECT_FALSE(none.best);
}

}  // namespace
}  // namespace tepui
