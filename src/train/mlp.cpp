// SPDX-License-Identifier: MIT
#include "train/mlp.h"

#include <cmath>
#include <limits>

#include "base/draws.h"
#include "train/mean_objective.h"

namespace tepui {

namespace {

constexpr std::int64_t kNeighbours = 32;
constexpr std::uint32_t kMlpStart = 0x4d4c5053;
constexpr std::uint32_t kMlpOrder = 0x4d4c504f;

std::vector<double> first_parameters(const NetShape& shape, std::uint64_t seed) {
  std::mt19937_64 random = draws_of(seed, kMlpStart);
  std::vector<double> out;
  for (std::size_t layer = 0; layer < shape.layers(); ++layer) {
    const double most = 1 / std::sqrt(static_cast<double>(shape.widths[layer]));
    const std::size_t count = shape.weight_at(layer + 1) - shape.weight_at(layer);
    for (std::size_t i = 0; i < count; ++i) out.push_back((2 * draw_unit(random) - 1) * most);
  }
  return out;
}

// Kingma and Ba (2015), with their defaults.
class Adam {
 public:
  explicit Adam(std::size_t count) : mean_(count), square_(count) {}

  void step(double rate, std::span<const double> gradient, std::span<double> parameters) {
    constexpr double kMean = 0.9;
    constexpr double kSquare = 0.999;
    ++steps_;
    const double mean_left = 1 - std::pow(kMean, steps_);
    const double square_left = 1 - std::pow(kSquare, steps_);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      mean_[i] = kMean * mean_[i] + (1 - kMean) * gradient[i];
      square_[i] = kSquare * square_[i] + (1 - kSquare) * gradient[i] * gradient[i];
      parameters[i] -= rate * (mean_[i] / mean_left) / (std::sqrt(square_[i] / square_left) + 1e-8);
    }
  }

 private:
  std::vector<double> mean_;
  std::vector<double> square_;
  int steps_ = 0;
};

// The rows of a batch and what they are to give, gathered.
struct Batch {
  std::vector<float> rows;
  std::vector<int> labels;
  std::vector<double> values;

  Status gather(const LabelledRows& data, std::span<const std::int64_t> pieces) {
    const auto width = static_cast<std::size_t>(data.rows->width());
    rows.clear();
    labels.clear();
    values.clear();
    for (const std::int64_t piece : pieces) {
      const std::int64_t first = piece * kNeighbours;
      const std::int64_t count = std::min(kNeighbours, data.rows->rows() - first);
      const std::size_t at = rows.size();
      rows.resize(at + static_cast<std::size_t>(count) * width);
      TEPUI_TRY(data.rows->read(first, count, std::span(rows).subspan(at)));
      const Targets own = data.targets.part(first, count);
      labels.insert(labels.end(), own.labels.begin(), own.labels.end());
      values.insert(values.end(), own.values.begin(), own.values.end());
    }
    return {};
  }
};

}  // namespace

Result<MlpFit> train_mlp(NetLossFactory& losses, const LabelledRows& train, const LabelledRows& dev,
                         int outputs, const MlpOptions& options, ThreadPool* pool) {
  NetShape shape{{train.rows->width()}};
  for (int i = 0; i < options.hidden_layers; ++i) shape.widths.push_back(options.hidden);
  shape.widths.push_back(outputs);
  TEPUI_TRY(const auto loss, losses.make(shape, train.targets.real()));
  std::vector<double> parameters = first_parameters(shape, options.seed);
  std::vector<double> best = parameters;
  std::vector<double> gradient(parameters.size());
  MeanObjective held_out(*loss, *dev.rows, dev.targets, 0, pool);
  std::vector<std::int64_t> pieces;
  for (std::int64_t i = 0; i * kNeighbours < train.rows->rows(); ++i) pieces.push_back(i);
  std::mt19937_64 random = draws_of(options.seed, kMlpOrder);
  Adam adam(parameters.size());
  MlpFit fit;
  double least = std::numeric_limits<double>::infinity();
  double mark = least;  // the least loss that was a fall by more than 1e-3
  int since = 0;
  double rate = options.rate;
  Batch batch;
  for (; fit.epochs < options.most_epochs && since < 5; ++fit.epochs) {
    shuffle(pieces, random);
    constexpr std::size_t kTogether = kBlockRows / kNeighbours;
    for (std::size_t at = 0; at < pieces.size(); at += kTogether) {
      const std::size_t count = std::min(kTogether, pieces.size() - at);
      TEPUI_TRY(batch.gather(train, std::span(pieces).subspan(at, count)));
      Targets targets{batch.labels, train.targets.weights, batch.values};
      TEPUI_TRY(loss->sum(parameters, batch.rows, targets, gradient));
      const double total = targets.total();
      for (double& g : gradient) g /= total;
      for (std::size_t layer = 0; layer < shape.layers(); ++layer)
        for (std::size_t i = shape.weight_at(layer); i < shape.bias_at(layer); ++i)
          gradient[i] += options.lambda * parameters[i];
      adam.step(rate, gradient, parameters);
    }
    TEPUI_TRY(const double now, held_out.evaluate(parameters, gradient));
    ++since;
    if (now < mark - 1e-3) {
      mark = now;
      since = 0;
    }
    if (now < least) {
      least = now;
      best = parameters;
    } else {
      rate /= 2;
    }
  }
  fit.net = shape.net(best);
  fit.dev_loss = least;
  return fit;
}

}  // namespace tepui
