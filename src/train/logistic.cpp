// SPDX-License-Identifier: MIT
#include "train/logistic.h"

#include "base/assert.h"
#include "train/mean_objective.h"

namespace tepui {

namespace {

constexpr float kNeverChosen = -1e30F;
constexpr double kRoundedTolerance = 1e-3;  // of the gradient: above what f32 sums can tell

// The classes that occur, under numbers of their own.
struct Occurring {
  std::vector<int> classes;
  std::vector<int> labels;
  std::vector<double> weights;
};

Occurring occurring(const Targets& targets, int classes) {
  std::vector<int> number(static_cast<std::size_t>(classes), -1);
  for (const int label : targets.labels) {
    TEPUI_ASSERT(label >= 0 && label < classes);
    number[static_cast<std::size_t>(label)] = 0;
  }
  Occurring out;
  for (int c = 0; c < classes; ++c) {
    if (number[static_cast<std::size_t>(c)] < 0) continue;
    number[static_cast<std::size_t>(c)] = static_cast<int>(out.classes.size());
    out.classes.push_back(c);
    if (!targets.weights.empty()) out.weights.push_back(targets.weight(c));
  }
  for (const int label : targets.labels)
    out.labels.push_back(number[static_cast<std::size_t>(label)]);
  return out;
}

}  // namespace

Result<LogisticFit> fit_logistic(NetLossFactory& losses, const LabelledRows& data, int classes,
                                 double lambda, const SolverOptions& options, ThreadPool* pool) {
  const int width = data.rows->width();
  const Occurring own = occurring(data.targets, classes);
  DenseLayer layer{
      width, classes,
      std::vector<float>(static_cast<std::size_t>(classes) * static_cast<std::size_t>(width)),
      std::vector<float>(static_cast<std::size_t>(classes), kNeverChosen)};
  LogisticFit fit;
  if (own.classes.size() == 1) {
    layer.bias[static_cast<std::size_t>(own.classes.front())] = 0;
    fit.minimum.converged = true;
  } else {
    const int count = static_cast<int>(own.classes.size());
    const NetShape shape{{width, count}};
    const Targets targets{own.labels, own.weights, {}};
    std::vector<double> parameters(shape.parameters());
    SolverOptions rest = options;
    if (!losses.exact()) {
      TEPUI_TRY(const auto loss, losses.make(shape, false));
      MeanObjective rounded(*loss, *data.rows, targets, lambda, pool);
      SolverOptions first = options;
      first.tolerance = std::max(kRoundedTolerance, options.tolerance);
      TEPUI_TRY(const Minimum near, minimise(rounded, first, parameters));
      rest.start_norm = near.start_norm;
      rest.most_iterations = options.most_iterations - near.iterations;
      fit.minimum.iterations = near.iterations;
    }
    HostNetLoss exact(shape);
    MeanObjective objective(exact, *data.rows, targets, lambda, pool);
    const int before = fit.minimum.iterations;
    TEPUI_TRY(fit.minimum, minimise(objective, rest, parameters));
    fit.minimum.iterations += before;
    const DenseLayer found = linear_net(parameters, count, width).layers.front();
    for (std::size_t i = 0; i < own.classes.size(); ++i) {
      const auto c = static_cast<std::size_t>(own.classes[i]);
      const auto columns = static_cast<std::size_t>(width);
      std::copy_n(&found.weight[i * columns], columns, &layer.weight[c * columns]);
      layer.bias[c] = found.bias[i];
    }
  }
  fit.net.layers.push_back(std::move(layer));
  return fit;
}

}  // namespace tepui
