// SPDX-License-Identifier: MIT
// A backend that owns two and compares them step by step, each step on identical inputs: those of
// the first. Both are held to the step's reference and its bound, so that a step that is wrong is
// told apart from a bound that two correct roundings exhaust together, and the one at fault is
// known. What a caller gets back is what the first gave.
#pragma once

#include <functional>
#include <memory>

#include "ops/agreement.h"
#include "tepui/backend.h"
#include "tepui/op.h"

namespace tepui {

// One output of one step. Packed outputs are opaque to all but their backend and are not compared;
// the steps that read them are.
struct StepCheck {
  const Program& program;
  std::size_t step;
  std::size_t output;
  std::span<const double> bounds;  // empty: every bit must be equal
  HostView reference;
  HostView first_value;
  HostView second_value;
  Agreement first;   // with the reference
  Agreement second;  // likewise
  // The first backend's whole Program at once, where its results may be fused and its temporaries
  // share memory, against its own steps one by one: every bit must be equal. `reference` are the
  // steps' values then, and there is no second value.
  bool whole = false;

  Value value() const { return program.steps[step].out[output]; }
  bool agrees() const { return first.agrees() && second.agrees(); }
};

// An error ends the run with it.
using OnStepCheck = std::function<Status(const StepCheck&)>;

// Without a second, the first is compared with the references alone. Programs must be run one after
// the other, and a packed matrix must be the whole of its buffer.
std::unique_ptr<Backend> make_shadow_backend(std::unique_ptr<Backend> first,
                                             std::unique_ptr<Backend> second, OnStepCheck on_check);

}  // namespace tepui
