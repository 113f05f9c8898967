// SPDX-License-Identifier: MIT
#include "train/dense_net.h"

#include "base/assert.h"
#include "train/eigen_rows.h"

namespace tepui {

namespace {

// A layer's numbers in double, made once for all blocks.
struct DoubleLayer {
  explicit DoubleLayer(const DenseLayer& layer)
      : weight(Eigen::Map<const RowsOfFloats>(layer.weight.data(), layer.out, layer.in)
                   .cast<double>()),
        bias(Eigen::Map<const Eigen::RowVectorXf>(layer.bias.data(), layer.out).cast<double>()) {}
  RowsOfDoubles weight;
  Eigen::RowVectorXd bias;
};

}  // namespace

DenseNet linear_net(std::span<const double> parameters, int outputs, int width) {
  const std::size_t weights = static_cast<std::size_t>(outputs) * static_cast<std::size_t>(width);
  TEPUI_ASSERT(parameters.size() == weights + static_cast<std::size_t>(outputs));
  DenseLayer layer{width, outputs, {}, {}};
  for (std::size_t i = 0; i < parameters.size(); ++i)
    (i < weights ? layer.weight : layer.bias).push_back(static_cast<float>(parameters[i]));
  return {{std::move(layer)}};
}

Result<std::vector<double>> outputs_of(const DenseNet& net, const RowSource& rows,
                                       ThreadPool* pool) {
  TEPUI_ASSERT(!net.layers.empty() && net.layers.front().in == rows.width());
  std::vector<DoubleLayer> layers(net.layers.begin(), net.layers.end());
  const auto outputs = static_cast<std::size_t>(net.outputs());
  std::vector<double> out(static_cast<std::size_t>(rows.rows()) * outputs);
  TEPUI_TRY(for_each_block(
      rows, pool, pool != nullptr ? pool->size() : 1,
      [&](const RowsOfBlock& block, int /*slot*/) -> Status {
        RowsOfDoubles x = doubles_of(block, rows.width());
        for (std::size_t i = 0; i < layers.size(); ++i) {
          RowsOfDoubles y = (x * layers[i].weight.transpose()).rowwise() + layers[i].bias;
          x = i + 1 < layers.size() ? RowsOfDoubles(y.cwiseMax(0.0)) : std::move(y);
        }
        std::copy(x.data(), x.data() + x.size(),
                  out.begin() + static_cast<std::ptrdiff_t>(block.first) *
                                    static_cast<std::ptrdiff_t>(outputs));
        return {};
      },
      [](std::int64_t /*block*/, int /*slot*/) {}));
  return out;
}

Result<std::vector<double>> log_probabilities(const DenseNet& net, const RowSource& rows,
                                              ThreadPool* pool) {
  TEPUI_TRY(auto out, outputs_of(net, rows, pool));
  Eigen::Map<RowsOfDoubles> logits(out.data(), rows.rows(), net.outputs());
  for (Eigen::Index r = 0; r < logits.rows(); ++r) {
    const double most = logits.row(r).maxCoeff();
    logits.row(r).array() -= most + std::log((logits.row(r).array() - most).exp().sum());
  }
  return out;
}

}  // namespace tepui
