// SPDX-License-Identifier: MIT
#include "train/curve_fit.h"

#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <limits>
#include <unsupported/Eigen/NonLinearOptimization>

#include "train/curve_residuals.h"

namespace tepui {
namespace {

constexpr int kEvaluations = 500;     // a start
constexpr double kAtMinimum = 1e-3;   // cosine between the residuals and any column of the Jacobian
constexpr double kDetermined = 1e-9;  // smallest to largest singular value of the scaled Jacobian

// Where the search begins, in normalised units; heights are filled in.
std::vector<Eigen::VectorXd> curve_starts(Curve curve, const NormalisedCourse& course) {
  const auto of = [](std::initializer_list<double> values) {
    return Eigen::VectorXd(Eigen::Map<const Eigen::VectorXd>(
        values.begin(), static_cast<Eigen::Index>(values.size())));
  };
  std::vector<Eigen::VectorXd> out;
  switch (curve) {
    case Curve::emergence:
      // lambda gamma, the decay within the course; t0 / gamma, how soon it begins; gamma.
      for (const double decay : {0.3, 2.0, 10.0})
        for (const double begin : {1e-3, 0.03, 1.0})
          for (const double gamma : {0.5, 5.0, 50.0})
            out.push_back(of({1, decay / gamma, gamma, begin * gamma, 0}));
      break;
    case Curve::first_order:
      for (const double tau : {0.01, 0.1, 0.5, 3.0}) out.push_back(of({1, tau}));
      break;
    case Curve::critically_damped:
      for (const double rate : {0.5, 4.0, 20.0, 100.0}) out.push_back(of({1, rate}));
      break;
    case Curve::over_damped:
    case Curve::under_damped:
      for (const double rate : {0.3, 2.0, 10.0, 50.0})
        for (const double other : {1.0, 4.0, 10.0, 50.0}) out.push_back(of({1, rate, other}));
      break;
  }
  const CurveResiduals residuals(curve, course);
  for (Eigen::VectorXd& start : out) start = residuals.start(std::move(start));
  if (curve == Curve::emergence) {  // the published one
    const double spread = std::sqrt((course.t.array() - course.t.mean()).square().mean());
    out.push_back(of({1, -std::log(spread), -std::log(1 - course.t[0]), 0, 0.5}));
  }
  return out;
}

bool ended(Eigen::LevenbergMarquardtSpace::Status status) {
  using namespace Eigen::LevenbergMarquardtSpace;
  return status != ImproperInputParameters && status != TooManyFunctionEvaluation &&
         status != UserAsked;
}

struct CurveMinimum {
  Eigen::VectorXd moved;
  double squares = std::numeric_limits<double>::infinity();
};

// The least of all starts; an error where a start that did not end in a minimum got below all that
// did.
Result<CurveMinimum> least_squares(Curve curve, const NormalisedCourse& course) {
  CurveResiduals residuals(curve, course);
  CurveMinimum best;
  double elsewhere = best.squares;
  for (Eigen::VectorXd moved : curve_starts(curve, course)) {
    Eigen::LevenbergMarquardt<CurveResiduals> solver(residuals);
    solver.parameters.maxfev = kEvaluations;
    solver.parameters.ftol = solver.parameters.xtol = 1e-13;
    const auto status = solver.minimize(moved);
    Eigen::VectorXd left(residuals.values());
    residuals(moved, left);
    const double squares = left.squaredNorm();
    if (!std::isfinite(squares)) continue;
    Eigen::MatrixXd jacobian(residuals.values(), residuals.inputs());
    residuals.df(moved, jacobian);
    double cosine = 0;
    for (const auto& column : jacobian.colwise())
      if (const double size = column.norm() * left.norm(); size > 0)
        cosine = std::max(cosine, std::abs(column.dot(left)) / size);
    const bool exact = squares <= 1e-20 * course.y.squaredNorm();
    if (!ended(status) || residuals.ran_off(moved) || (cosine > kAtMinimum && !exact))
      elsewhere = std::min(elsewhere, squares);
    else if (squares < best.squares)
      best = {moved, squares};
  }
  if (best.moved.size() == 0 || elsewhere < 0.999 * best.squares)
    return fail(
        ErrorKind::data,
        "no convergence: the squares go on falling as parameters run off, or after {} evaluations",
        kEvaluations);
  return best;
}

Status check_course(Curve curve, std::span<const double> steps, std::span<const double> values) {
  if (steps.size() != values.size())
    return fail(ErrorKind::data, "expected a value for each of {} steps, found {}", steps.size(),
                values.size());
  if (steps.size() < points_needed(curve))
    return fail(ErrorKind::data, "too few points: needs {}, found {}", points_needed(curve),
                steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!std::isfinite(values[i]))
      return fail(ErrorKind::data, "expected numbers, found {} at step {}", values[i], steps[i]);
    if (!std::isfinite(steps[i]) || steps[i] < 0 || (i > 0 && steps[i] <= steps[i - 1]))
      return fail(ErrorKind::data,
                  "expected steps that ascend from 0 or more, found {} at place {}", steps[i], i);
  }
  const auto [least, most] = std::ranges::minmax(values);
  if (most - least <= 1e-12 * std::max(std::abs(most), std::abs(least)))
    return fail(ErrorKind::data, "expected values that vary, found {} at every step", least);
  return {};
}

NormalisedCourse normalised(Curve curve, std::span<const double> steps,
                            std::span<const double> values) {
  const auto size = static_cast<Eigen::Index>(steps.size());
  const auto [least, most] = std::ranges::minmax(values);
  NormalisedCourse course;
  course.last = steps.back();
  course.origin = curve == Curve::emergence ? least : 0;  // responses to a step begin at 0
  course.range =
      curve == Curve::emergence ? most - least : std::max(std::abs(most), std::abs(least));
  course.t = Eigen::Map<const Eigen::VectorXd>(steps.data(), size) / course.last;
  course.y = (Eigen::Map<const Eigen::VectorXd>(values.data(), size).array() - course.origin) /
             course.range;
  return course;
}

// Of the parameters in normalised units; an error where the points do not tell them apart.
Result<Eigen::MatrixXd> covariance(const Eigen::MatrixXd& jacobian, double squares) {
  const Eigen::VectorXd norms = jacobian.colwise().norm();
  const auto undetermined = [] {
    return fail(ErrorKind::data,
                "the points do not determine its parameters (no finite standard errors)");
  };
  if (!(norms.minCoeff() > 0) || !norms.allFinite()) return undetermined();
  const Eigen::JacobiSVD<Eigen::MatrixXd> svd(jacobian * norms.cwiseInverse().asDiagonal(),
                                              Eigen::ComputeThinV);
  const Eigen::VectorXd& singular = svd.singularValues();
  if (!(singular.tail<1>()[0] > kDetermined * singular[0])) return undetermined();
  const Eigen::MatrixXd root =
      norms.cwiseInverse().asDiagonal() * svd.matrixV() * singular.cwiseInverse().asDiagonal();
  const Eigen::MatrixXd out =
      root * root.transpose() * squares / static_cast<double>(jacobian.rows() - jacobian.cols());
  if (!out.allFinite()) return undetermined();
  return out;
}

}  // namespace

std::size_t points_needed(Curve curve) { return curve_parameters(curve).size() + 3; }

Result<CurveFit> fit_curve(Curve curve, std::span<const double> steps,
                           std::span<const double> values) {
  TEPUI_TRY(check_course(curve, steps, values));
  const NormalisedCourse course = normalised(curve, steps, values);
  TEPUI_TRY(const CurveMinimum minimum, least_squares(curve, course));
  const CurveResiduals residuals(curve, course);
  const Eigen::VectorXd p = residuals.parameters(minimum.moved);
  Eigen::VectorXd left(residuals.values());
  Eigen::MatrixXd jacobian(residuals.values(), residuals.inputs());
  residuals.evaluate(p, left, jacobian);
  TEPUI_TRY(const Eigen::MatrixXd spread, covariance(jacobian, minimum.squares));

  CurveFit fit;
  fit.curve = curve;
  const auto parameters = curve_parameters(curve);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto k = static_cast<Eigen::Index>(i);
    const double scale = course.scale(parameters[i].unit);
    const double origin = parameters[i].unit == CurveUnit::level ? course.origin : 0;
    fit.parameters.push_back({p[k] * scale + origin, std::sqrt(spread(k, k)) * scale});
  }
  const auto n = static_cast<double>(steps.size());
  const double about_mean = (course.y.array() - course.y.mean()).square().sum();
  fit.r2 = 1 - minimum.squares / about_mean;
  if (!(fit.r2 > 0))
    return fail(ErrorKind::data, "it is no nearer to the points than their mean (R2 {:.2f})",
                fit.r2);
  // Points that a curve goes through exactly leave the rounding of their values.
  const double rounding = n * std::pow(std::numeric_limits<double>::epsilon(), 2);
  fit.aic = n * std::log(std::max(minimum.squares, rounding) * course.range * course.range / n) +
            2 * static_cast<double>(parameters.size());
  if (curve == Curve::emergence && p[0] > 0) {
    const PeakStep peak = peak_step(p[1], p[2], p[3]);
    const Eigen::Vector3d by(peak.gradient.data());
    const double error = std::sqrt(by.dot(spread.block<3, 3>(1, 1) * by));
    if (peak.step > 0 && error < peak.step)
      fit.peak = Estimate{peak.step * course.last, error * course.last};
  }
  return fit;
}

CurveFits fit_curves(std::span<const double> steps, std::span<const double> values) {
  CurveFits out;
  for (const Curve curve : kCurves) {
    out.fits.emplace_back(curve, fit_curve(curve, steps, values));
    const auto& fit = out.fits.back().second;
    if (fit && (!out.best || fit->aic < out.fits[*out.best].second->aic))
      out.best = out.fits.size() - 1;
  }
  return out;
}

}  // namespace tepui
