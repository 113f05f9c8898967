// SPDX-License-Identifier: MIT
// Where massive activations come from and where they end: every contribution to them, sub-layer by
// sub-layer, with what heads and neurons give; and the largest |x| of every site on the way, held
// against what f16 can represent.
#pragma once

#include "plan/massive_rule.h"
#include "study/input_request.h"
#include "tepui/result.h"

namespace tepui {

struct OriginRequest : InputRequest {
  MassiveRule rule;
  int neurons = 8;  // the strongest ones of each sub-layer that are kept
};

// What the store does not hold yet. An error for models whose residual stream is no sum.
Result<RunOutcome> run_origin(const OriginRequest& request, const RunProgress& progress);

}  // namespace tepui
