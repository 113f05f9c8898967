// SPDX-License-Identifier: MIT
// Which steps of a Program the CPU backend runs as one loop: linear layers of a single row that
// read the same one (queries, keys and values; gate and up). A token by itself is a matter of
// microseconds a step, so that threads that wait for each other at the end of each are felt.
#pragma once

#include <vector>

#include "tepui/program.h"

namespace tepui::cpu {

// By step: how many from it on run together, at most kMostTogether; 1 where it runs alone.
std::vector<int> steps_together(const Program& program);

}  // namespace tepui::cpu
