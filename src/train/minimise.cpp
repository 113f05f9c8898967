// SPDX-License-Identifier: MIT
#include <lbfgs.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "train/objective.h"

namespace tepui {

namespace {

// What the library's callbacks share.
struct Minimising {
  Objective& objective;
  const SolverOptions& options;
  double start_norm;
  Minimum found;
  std::optional<Error> error;
  int earlier = 0;  // iterations of earlier starts

  static constexpr int kConverged = 1;
  static constexpr int kFailed = 2;

  static lbfgsfloatval_t evaluate(void* self, const lbfgsfloatval_t* at, lbfgsfloatval_t* gradient,
                                  int count, lbfgsfloatval_t /*step*/) {
    auto& run = *static_cast<Minimising*>(self);
    const auto size = static_cast<std::size_t>(count);
    auto loss = run.objective.evaluate({at, size}, {gradient, size});
    if (!loss) {
      // Nothing goes down from here: the line search ends, and with it the run.
      run.error = loss.error();
      std::fill(gradient, gradient + size, 0.0);
      return 0;
    }
    return *loss;
  }

  static int progress(void* self, const lbfgsfloatval_t* /*at*/, const lbfgsfloatval_t* gradient,
                      lbfgsfloatval_t loss, lbfgsfloatval_t /*x_norm*/, lbfgsfloatval_t g_norm,
                      lbfgsfloatval_t /*step*/, int count, int iteration, int /*evaluations*/) {
    auto& run = *static_cast<Minimising*>(self);
    if (run.error) return kFailed;
    double norm = g_norm;  // with l1 that of the pseudo-gradient
    if (run.options.l1 == 0) {
      norm = 0;
      for (int i = 0; i < count; ++i) norm += gradient[i] * gradient[i];
      norm = std::sqrt(norm);
    }
    run.found.loss = loss;
    run.found.iterations = run.earlier + iteration;
    run.found.gradient_norm = norm / run.start_norm;
    return norm <= run.options.tolerance * run.start_norm ? kConverged : 0;
  }
};

struct FreeVector {
  void operator()(lbfgsfloatval_t* values) const { lbfgs_free(values); }
};

}  // namespace

Result<Minimum> minimise(Objective& objective, const SolverOptions& options,
                         std::span<double> parameters) {
  const std::size_t count = parameters.size();
  std::vector<double> gradient(count);
  TEPUI_TRY(const double loss, objective.evaluate(parameters, gradient));
  double start = 0;
  for (const double g : gradient) start += g * g;
  start = std::sqrt(start);
  if (!std::isfinite(loss) || !std::isfinite(start))
    return fail(ErrorKind::data, "a probe's loss at the start: expected a finite number, found {}",
                loss);
  const double norm = options.start_norm > 0 ? options.start_norm : start;
  if (start <= options.tolerance * norm)
    return Minimum{loss, norm > 0 ? start / norm : 0, norm, 0, true};
  Minimising run{objective, options, norm, {loss, start / norm, norm, 0, false}, {}, 0};
  lbfgs_parameter_t how;
  lbfgs_parameter_init(&how);
  how.m = 10;
  how.epsilon = 1e-300;  // progress() decides
  how.max_iterations = options.most_iterations;
  how.max_linesearch = 40;
  if (options.l1 > 0) {
    how.linesearch = LBFGS_LINESEARCH_BACKTRACKING;
    how.orthantwise_c = options.l1;
    how.orthantwise_start = 0;
    how.orthantwise_end = static_cast<int>(options.l1_parameters);
  }
  const std::unique_ptr<lbfgsfloatval_t, FreeVector> x(lbfgs_malloc(static_cast<int>(count)));
  if (!x) return fail(ErrorKind::io, "{} parameters of a probe: out of memory", count);
  std::copy(parameters.begin(), parameters.end(), x.get());
  // Its line search gives up now and then far from the minimum; a new start from where it stood
  // forgets the curvature that misled it. It ends where that gains nothing.
  int code = 0;
  int before = 0;
  do {
    before = run.earlier = run.found.iterations;
    how.max_iterations = options.most_iterations - before;
    code = lbfgs(static_cast<int>(count), x.get(), nullptr, Minimising::evaluate,
                 Minimising::progress, &run, &how);
  } while (!run.error && code != Minimising::kConverged && code != LBFGSERR_OUTOFMEMORY &&
           run.found.iterations > before && run.found.iterations < options.most_iterations);
  if (run.error) return tl::unexpected(*run.error);
  if (code == LBFGSERR_OUTOFMEMORY)
    return fail(ErrorKind::io, "{} parameters of a probe: out of memory", count);
  std::copy(x.get(), x.get() + count, parameters.begin());
  run.found.converged = code == Minimising::kConverged;
  return run.found;
}

}  // namespace tepui
