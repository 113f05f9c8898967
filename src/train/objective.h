// SPDX-License-Identifier: MIT
// What a solver asks of a probe's training: the loss at some parameters, and its gradient. Whoever
// computes it (in double on the processor, or as Programs on a backend) is the implementation's
// business; the one in double is the definition.
#pragma once

#include <cstddef>
#include <span>

#include "tepui/result.h"

namespace tepui {

class Objective {
 public:
  virtual ~Objective() = default;
  virtual std::size_t parameters() const = 0;
  // `gradient` is as long as `at`. An error where rows cannot be read, or something is not finite.
  virtual Result<double> evaluate(std::span<const double> at, std::span<double> gradient) = 0;
};

struct SolverOptions {
  // |gradient| over |gradient at the start|, l2 norms, at which it ends.
  double tolerance = 1e-6;
  int most_iterations = 1000;
  double start_norm = 0;  // instead of that of the gradient at the start, where it is not 0
  // Of the l1 norm of the first `l1_parameters`, added to the loss (orthant-wise L-BFGS).
  double l1 = 0;
  std::size_t l1_parameters = 0;
};

struct Minimum {
  double loss = 0;
  double gradient_norm = 0;  // over that at the start; not of the l1 norm
  double start_norm = 0;     // the latter
  int iterations = 0;
  bool converged = false;  // else out of iterations, or no step makes it smaller
};

// L-BFGS (libLBFGS, 10 corrections, More and Thuente's line search; with l1 OWL-QN and
// backtracking). From `parameters`, which hold the minimum afterwards.
Result<Minimum> minimise(Objective& objective, const SolverOptions& options,
                         std::span<double> parameters);

}  // namespace tepui
