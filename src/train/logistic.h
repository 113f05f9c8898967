// SPDX-License-Identifier: MIT
// The linear probe: multinomial logistic regression, mean cross-entropy plus lambda / 2 |W|^2 with
// a free intercept, to convergence.
#pragma once

#include "train/mlp.h"
#include "train/objective.h"

namespace tepui {

struct LogisticFit {
  DenseNet net;
  Minimum minimum;
};

// Losses that are rounded to f32 take it near the minimum; from there it goes on in double, so that
// the minimum is the same whatever computed the way to it. Numbers are those of the end.
//
// A class that has no row gets zero weights and a logit that no other is below: it has no finite
// intercept.
Result<LogisticFit> fit_logistic(NetLossFactory& losses, const LabelledRows& data, int classes,
                                 double lambda, const SolverOptions& options, ThreadPool* pool);

}  // namespace tepui
