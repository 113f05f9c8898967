// SPDX-License-Identifier: MIT
// What least squares of a curve through points minimises. For the fit in this folder.
#pragma once

#include <Eigen/QR>
#include <cmath>
#include <numbers>
#include <vector>

#include "train/emergence_curve.h"

namespace tepui {

// Steps as shares of the last one; values less an origin, over their range.
struct NormalisedCourse {
  Eigen::VectorXd t;
  Eigen::VectorXd y;
  double origin = 0;
  double range = 1;
  double last = 1;

  // What a parameter of these is to be multiplied by to be one of the course itself.
  double scale(CurveUnit unit) const {
    switch (unit) {
      case CurveUnit::height:
      case CurveUnit::level: return range;
      case CurveUnit::time: return last;
      case CurveUnit::rate: return 1 / last;
      case CurveUnit::none: return 1;
    }
    return 1;
  }
};

// The residuals as Eigen's solver asks for them. It moves logarithms of the parameters above 0.
class CurveResiduals {
 public:
  CurveResiduals(Curve curve, const NormalisedCourse& course) : curve_(curve), course_(&course) {}

  int inputs() const { return static_cast<int>(curve_parameters(curve_).size()); }
  int values() const { return static_cast<int>(course_->t.size()); }

  int operator()(const Eigen::VectorXd& moved, Eigen::VectorXd& out) const {
    if (!within(moved, 25)) {
      out.setConstant(1e10);  // no step goes there
      return 0;
    }
    Eigen::MatrixXd unused(values(), inputs());
    evaluate(parameters(moved), out, unused);
    return 0;
  }

  int df(const Eigen::VectorXd& moved, Eigen::MatrixXd& jacobian) const {
    Eigen::VectorXd unused(values());
    const Eigen::VectorXd p = parameters(moved);
    evaluate(p, unused, jacobian);
    for (Eigen::Index i = 0; i < p.size(); ++i)
      if (!linear(i)) jacobian.col(i) *= p[i];
    return 0;
  }

  // Residuals, and their derivatives by the parameters themselves.
  void evaluate(const Eigen::VectorXd& p, Eigen::VectorXd& residuals,
                Eigen::MatrixXd& jacobian) const {
    std::vector<double> gradient(static_cast<std::size_t>(p.size()));
    for (Eigen::Index i = 0; i < course_->t.size(); ++i) {
      residuals[i] =
          curve_at(curve_, {p.data(), gradient.size()}, course_->t[i], gradient) - course_->y[i];
      for (Eigen::Index k = 0; k < p.size(); ++k)
        jacobian(i, k) = gradient[static_cast<std::size_t>(k)];
    }
  }

  Eigen::VectorXd parameters(const Eigen::VectorXd& moved) const {
    Eigen::VectorXd p = moved;
    for (Eigen::Index i = 0; i < p.size(); ++i)
      if (!linear(i)) p[i] = std::exp(p[i]);
    return p;
  }

  // Whether a parameter has run off, beyond e^20 or e^-20: what it goes to is no minimum.
  bool ran_off(const Eigen::VectorXd& moved) const { return !within(moved, 20); }

  // The start with these rates and times, and with the heights that are best for them.
  Eigen::VectorXd start(Eigen::VectorXd p) const {
    for (Eigen::Index i = 0; i < p.size(); ++i)
      if (!linear(i)) p[i] = std::log(p[i]);
    Eigen::VectorXd unused(values());
    Eigen::MatrixXd jacobian(values(), inputs());
    evaluate(parameters(p), unused, jacobian);
    for (Eigen::Index i = 0; i < p.size(); ++i)
      if (!linear(i)) jacobian.col(i).setZero();  // their part of the solution is 0
    const Eigen::VectorXd best = jacobian.colPivHouseholderQr().solve(course_->y);
    for (Eigen::Index i = 0; i < p.size(); ++i)
      if (linear(i) && std::isfinite(best[i])) p[i] = best[i];
    return p;
  }

 private:
  bool linear(Eigen::Index i) const {
    return is_linear(curve_parameters(curve_)[static_cast<std::size_t>(i)].unit);
  }

  // The logarithms, at most so far from 0.
  bool within(const Eigen::VectorXd& moved, double farthest) const {
    if (!moved.allFinite()) return false;
    for (Eigen::Index i = 0; i < moved.size(); ++i)
      if (!linear(i) && std::abs(moved[i]) > farthest) return false;
    // An oscillation faster than the points would go through anything.
    return curve_ != Curve::under_damped ||
           std::exp(moved[2]) < std::numbers::pi * static_cast<double>(values() - 1);
  }

  Curve curve_;
  const NormalisedCourse* course_;
};

}  // namespace tepui
