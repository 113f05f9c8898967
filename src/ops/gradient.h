// SPDX-License-Identifier: MIT
// What an op's gradient rule works with: one step of a Program that is being differentiated, the
// gradients of its outputs, and a place for those of its operands.
#pragma once

#include <string>

#include "ops/builder.h"

namespace tepui {

class Tape;  // ops/differentiate.cpp

class GradientBuilder {
 public:
  GradientBuilder(Tape& tape, const Step& step) : tape_(tape), step_(step) {}

  const Step& step() const { return step_; }
  template <class Params>
  Params params() const {
    return step_.params.as<Params>();
  }
  Value in(std::size_t slot) const { return step_.in[slot]; }
  Value out(std::size_t index = 0) const { return step_.out[index]; }

  // Adds the steps of the gradient.
  Builder& builder() const;
  // Whether the gradient of an operand is asked for: it is there, and depends on what is.
  bool wants(std::size_t slot) const;
  // The gradient of an output, f32 of its shape; kNone where nothing depends on it.
  Value of_out(std::size_t index = 0) const;
  // Whether the (only) output is a loss: its gradient is 1 everywhere.
  bool is_loss() const;
  // The gradient of an operand, f32 of its shape; of a packed one, row-major.
  void give(std::size_t slot, Value gradient) const;
  // A packed matrix's transpose: packed again where a step of the Program packs it, else a weight
  // that the caller has to bind as well.
  Result<Value> transposed(Value matrix) const;
  // A name for the gradient of an operand.
  std::string name(std::size_t slot) const;

 private:
  Tape& tape_;
  const Step& step_;
};

// For rules of losses: an error unless the step is the last of one.
Status expect_loss(const GradientBuilder& at);

}  // namespace tepui
