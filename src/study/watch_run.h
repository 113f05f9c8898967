// SPDX-License-Identifier: MIT
// What is watched in training, of a model as it stands: one pass over a text that scans, scores and
// looks at attention, and the spread of the weights.
#pragma once

#include "study/input_request.h"
#include "tepui/result.h"

namespace tepui {

Result<RunOutcome> run_watch(const InputRequest& request, const RunProgress& progress);

}  // namespace tepui
