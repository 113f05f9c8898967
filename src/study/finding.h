// SPDX-License-Identifier: MIT
// The result of a scan in plain sentences: which layers, channels and tokens hold massive
// activations, how large and how constant they are, where they appear and where they go; or that
// there are none, and how far the largest stays away. One statement a line.
#pragma once

#include <string>

#include "study/summary.h"
#include "study/wording.h"

namespace tepui {

std::string finding(const ScanSummary& scan, Letters letters = Letters::unicode);

}  // namespace tepui
