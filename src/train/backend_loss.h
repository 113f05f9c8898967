// SPDX-License-Identifier: MIT
// NetLoss as Programs on a backend: forward, loss and gradients in f32 of one block, whose sums are
// added up in double on the host (train/mean_objective.h). One Program a shape, of kBlockRows rows:
// what is missing of a block are rows of weight 0, which add exactly nothing.
#pragma once

#include <map>
#include <memory>

#include "tepui/backend.h"
#include "train/net_loss.h"

namespace tepui {

class BackendNetLossFactory final : public NetLossFactory {
 public:
  // The backend must outlive it, and it what it makes.
  explicit BackendNetLossFactory(Backend& backend);
  ~BackendNetLossFactory() override;
  Result<std::unique_ptr<NetLoss>> make(const NetShape& shape, bool real) override;

  struct LossProgram;  // prepared, with its buffers

 private:
  Backend& backend_;
  std::map<std::pair<std::vector<int>, bool>, std::unique_ptr<LossProgram>> programs_;
};

}  // namespace tepui
