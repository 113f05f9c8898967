// SPDX-License-Identifier: MIT
#include "train/mean_objective.h"

namespace tepui {

MeanObjective::MeanObjective(NetLoss& loss, const RowSource& rows, const Targets& targets,
                             double lambda, ThreadPool* pool)
    : loss_(loss),
      rows_(rows),
      targets_(targets),
      lambda_(lambda),
      pool_(loss.concurrent() ? pool : nullptr),
      total_(targets.total()) {}

Result<double> MeanObjective::evaluate(std::span<const double> at, std::span<double> gradient) {
  struct Part {
    double loss = 0;
    std::vector<double> gradient;
  };
  const auto slots = static_cast<std::size_t>(pool_ != nullptr ? pool_->size() : 1);
  std::vector<Part> parts(slots);
  double loss = 0;
  std::ranges::fill(gradient, 0.0);
  TEPUI_TRY(for_each_block(
      rows_, pool_, static_cast<int>(slots),
      [&](const RowsOfBlock& block, int slot) -> Status {
        Part& part = parts[static_cast<std::size_t>(slot)];
        part.gradient.resize(gradient.size());
        TEPUI_TRY(part.loss, loss_.sum(at, block.rows, targets_.part(block.first, block.count),
                                       part.gradient));
        return {};
      },
      [&](std::int64_t /*block*/, int slot) {
        const Part& part = parts[static_cast<std::size_t>(slot)];
        loss += part.loss;
        for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += part.gradient[i];
      }));
  const NetShape& shape = loss_.shape();
  double squares = 0;
  for (double& g : gradient) g /= total_;
  for (std::size_t layer = 0; layer < shape.layers(); ++layer) {
    for (std::size_t i = shape.weight_at(layer); i < shape.bias_at(layer); ++i) {
      gradient[i] += lambda_ * at[i];
      squares += at[i] * at[i];
    }
  }
  return loss / total_ + lambda_ / 2 * squares;
}

}  // namespace tepui
