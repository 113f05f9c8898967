// SPDX-License-Identifier: MIT
// Merges an activation, and then a residual sum, into the linear step before it. Runs after taps
// and edits: a value that anything else reads, or that is an output, stays a value. Results keep
// every bit, since linear rounds where the separate steps did. Values keep their ids.
#pragma once

#include "tepui/program.h"

namespace tepui {

Program fuse(Program program);

}  // namespace tepui
