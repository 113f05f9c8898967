// SPDX-License-Identifier: MIT
// Keeps what a shadow backend found, with the names that the executor gives: part, layer, sequence,
// position.
#pragma once

#include "backend/shadow.h"
#include "exec/run_observer.h"
#include "study/verify.h"

namespace tepui {

class VerifyLog final : public RunObserver {
 public:
  VerifyLog(const VerifyInput& input, Verification& into) : input_(input), into_(into) {}

  void before(const PartRun& part) override;
  void after(const PartRun&, std::size_t) override { part_ = "weights"; }
  void begin_head(int first_sequence, const ChunkShape& shape);
  void end_head() { part_ = "weights"; }

  Status add(const StepCheck& check);

 private:
  VerifiedOp& row_of(const StepCheck& check);
  StepDeviation describe(const StepCheck& check) const;
  void place(const TensorType& type, StepDeviation& deviation) const;

  const VerifyInput& input_;
  Verification& into_;
  std::string part_ = "weights";
  int layer_ = kNoLayer;
  int first_sequence_ = 0;
  ChunkShape shape_;
  // Of the last check: one step's outputs come one after the other.
  std::pair<bool, std::size_t> step_{false, SIZE_MAX};
  std::size_t output_ = 0;
  bool step_deviates_ = false;
};

}  // namespace tepui
