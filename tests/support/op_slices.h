// SPDX-License-Identifier: MIT
// Parts of an op's work that must give the bits of the whole: rows of a row-wise op, a sequence of
// an op that works by sequence, and the first rows of a sequence under causal attention.
#pragma once

#include <string>
#include <vector>

#include "support/op_harness.h"

namespace tepui::test {

struct Part {
  std::string name;  // "rows [3, 4)"
  OpData data;
  Outputs expected;  // the whole's outputs, cut
};

std::vector<Part> parts_of(const OpData& data, const Outputs& whole);

}  // namespace tepui::test
