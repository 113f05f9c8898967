// SPDX-License-Identifier: MIT
// Checks the invariant of a Program: every operand is an input, a weight or an output of an earlier
// step, and every value has one producer. Passes and builders end with it; it knows nothing of ops.
#pragma once

#include "tepui/program.h"
#include "tepui/result.h"

namespace tepui {

// A temporary that no step names any more (a fused one) is allowed: ids stay what they were.
Status validate(const Program& program);

}  // namespace tepui
