// SPDX-License-Identifier: MIT
// Massive values gathered by place, channel and token class, with mean and deviation: whether they
// are the constants that massive activations are in large models. Called by summarise alone.
#pragma once

#include <vector>

#include "study/summary.h"

namespace tepui {

std::vector<MassiveGroup> group_massive(const ScanSummary& scan);

}  // namespace tepui
