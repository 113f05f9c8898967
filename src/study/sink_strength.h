// SPDX-License-Identifier: MIT
// How much attention each token receives: of the queries at or behind it the mean probability, as a
// mean over all layers and heads. One pass that keeps nothing else.
#pragma once

#include "exec/executor.h"

namespace tepui {

// By token of all sequences, one behind the other.
Result<std::vector<double>> sink_strengths(Backend& backend, const Model& model, ThreadPool& pool,
                                           const ExecOptions& options, Sequences sequences,
                                           const OnProgress& on_progress);

}  // namespace tepui
