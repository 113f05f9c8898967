// SPDX-License-Identifier: MIT
// Checks a Program's invariant: every step reads only inputs, weights and outputs of earlier steps,
// and every value that is neither has exactly one producer. Run whenever a Program was built or
// changed.
#pragma once

#include "tepui/program.h"
#include "tepui/result.h"

namespace tepui {

Status validate(const Program& program);

}  // namespace tepui
