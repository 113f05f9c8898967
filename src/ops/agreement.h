// SPDX-License-Identifier: MIT
// How far an output of a step is from its reference, measured by the op's own bound for each
// element.
#pragma once

#include <span>
#include <vector>

#include "tepui/op.h"

namespace tepui {

// The bounds of one output; empty where every bit must be equal.
std::vector<double> bounds_of(const Op& op, const BoundRequest& request);

struct Agreement {
  // The largest |found - expected| in bounds of its element: up to 1 agrees. 0 where all is equal;
  // infinite where bits that must be equal are not, or where one is NaN or infinite and the other
  // is not.
  double worst_share = 0;
  std::int64_t worst = -1;  // that element, row-major; -1: all are equal
  bool agrees() const { return worst_share <= 1; }
};

// Both of one type that is not packed. `bounds` as bounds_of gives them.
Agreement compare(const HostView& expected, const HostView& found, std::span<const double> bounds);

}  // namespace tepui
