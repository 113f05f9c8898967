// SPDX-License-Identifier: MIT
// The curves of emergence_curve.h through points, by least squares, and which of them is best.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tepui/result.h"
#include "train/emergence_curve.h"

namespace tepui {

struct Estimate {
  double value = 0;
  double error = 0;  // standard: from the residuals and the curvature at the minimum
};

struct CurveFit {
  Curve curve = Curve::emergence;
  std::vector<Estimate> parameters;  // of curve_parameters, in steps and the values' unit
  double r2 = 0;                     // 1 - squared residuals / squared deviations from the mean
  double aic = 0;                    // n ln(squared residuals / n) + 2 parameters
  // Of the emergence curve: the step of its maximum. Nothing where it has none after step 0, or
  // where that is not known: its standard error is as large as itself.
  std::optional<Estimate> peak;
};

// How many points a curve needs: three more than parameters, from where on AIC's correction for
// few points exists. Fewer go through any point whatever happened.
std::size_t points_needed(Curve curve);

// By Levenberg and Marquardt (MINPACK's, as in Eigen) from many starts, the published one among
// them, on normalised data; parameters scaled back. `steps` ascend from 0 or more. An error that
// says why where there are too few points or values without variation or numbers, where the search
// does not end in a minimum, where the points do not determine the parameters (no finite standard
// errors), and where their mean is as near to them as the curve.
Result<CurveFit> fit_curve(Curve curve, std::span<const double> steps,
                           std::span<const double> values);

struct CurveFits {
  std::vector<std::pair<Curve, Result<CurveFit>>> fits;  // of all curves, in their order
  std::optional<std::size_t> best;  // the fit of least AIC; nothing where none could be fitted
};
CurveFits fit_curves(std::span<const double> steps, std::span<const double> values);

}  // namespace tepui
