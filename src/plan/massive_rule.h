// SPDX-License-Identifier: MIT
// What is called massive at a place: more than both thresholds, strictly.
#pragma once

namespace tepui {

struct MassiveRule {
  double min_abs = 100;
  double min_ratio = 1000;  // times the sequence's median at that place
};

}  // namespace tepui
