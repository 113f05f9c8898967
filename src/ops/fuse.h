// SPDX-License-Identifier: MIT
// Merges what follows a linear layer into its epilogue: an activation, then the addition of the
// residual stream, where the value between has no other reader. Results stay the same bit for bit:
// the epilogue rounds as the steps did.
#pragma once

#include "tepui/program.h"

namespace tepui {

void fuse(Program& program);

}  // namespace tepui
