// SPDX-License-Identifier: MIT
// A net's loss over all rows, as a weighted mean, plus lambda / 2 times the squared weights of all
// its layers; biases are free. With one layer and labels: multinomial logistic regression. Blocks
// are added up in their order.
#pragma once

#include "train/net_loss.h"
#include "train/objective.h"

namespace tepui {

class MeanObjective final : public Objective {
 public:
  // All must outlive it; a pool is used where the loss is concurrent.
  MeanObjective(NetLoss& loss, const RowSource& rows, const Targets& targets, double lambda,
                ThreadPool* pool);

  std::size_t parameters() const override { return loss_.shape().parameters(); }
  Result<double> evaluate(std::span<const double> at, std::span<double> gradient) override;

 private:
  NetLoss& loss_;
  const RowSource& rows_;
  Targets targets_;
  double lambda_;
  ThreadPool* pool_;
  double total_;
};

}  // namespace tepui
