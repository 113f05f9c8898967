// SPDX-License-Identifier: MIT
// How much attention each token receives: of the queries at or behind it the mean probability, as a
// mean over all layers and heads. One pass that keeps nothing else.
#pragma once

#include "exec/executor.h"
#include "study/input_request.h"
#include "study/scan_input.h"

namespace tepui {

// By token of all sequences, one behind the other; within request.memory.
Result<std::vector<double>> sink_strengths(const InputRequest& request, const ScanInput& opened,
                                           ThreadPool& pool, const OnProgress& on_progress);

}  // namespace tepui
