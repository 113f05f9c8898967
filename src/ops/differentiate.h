// SPDX-License-Identifier: MIT
// Turns a Program into one that also gives gradients: walks its steps backward, and each op's rule
// emits more steps, so that whatever runs Programs trains. What several steps read gets the sum of
// their gradients, added in the order in which the walk meets them.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "tepui/program.h"
#include "tepui/result.h"

namespace tepui {

struct Differentiated {
  Program program;               // the steps that were there, then the gradients'
  std::vector<Value> gradients;  // of what was asked for, in that order; outputs of the Program
  // Weights that are bound as packed matrices, and the transposes that have to be bound beside
  // them.
  std::vector<std::pair<Value, Value>> transposed;
};

// The gradients of the sum of all elements of the losses (outputs of nll or squared_error) with
// respect to the values `of`, f32 of their shapes ([N, K] row-major for a packed matrix). An error
// names the step that is not differentiable, or the value that no loss depends on. What is `held`
// counts as a constant.
Result<Differentiated> differentiate(Program program, std::span<const Value> losses,
                                     std::span<const Value> of, std::span<const Value> held = {});

}  // namespace tepui
