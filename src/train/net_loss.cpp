// SPDX-License-Identifier: MIT
#include "train/net_loss.h"

#include <cmath>

#include "base/assert.h"
#include "train/eigen_rows.h"

namespace tepui {

namespace {

// Turns outputs into the loss's gradient with respect to them; gives the loss.
double softmax_loss(RowsOfDoubles& y, const Targets& targets) {
  double loss = 0;
  for (Eigen::Index r = 0; r < y.rows(); ++r) {
    const int label = targets.labels[static_cast<std::size_t>(r)];
    const double weight = targets.weight(label);
    const double most = y.row(r).maxCoeff();
    y.row(r).array() -= most;
    const double own = y(r, label);
    y.row(r) = y.row(r).array().exp();
    const double sum = y.row(r).sum();
    loss += weight * (std::log(sum) - own);
    y.row(r) *= weight / sum;
    y(r, label) -= weight;
  }
  return loss;
}

double square_loss(RowsOfDoubles& y, const Targets& targets) {
  double loss = 0;
  for (Eigen::Index r = 0; r < y.rows(); ++r) {
    y(r, 0) -= targets.values[static_cast<std::size_t>(r)];
    loss += y(r, 0) * y(r, 0) / 2;
  }
  return loss;
}

}  // namespace

std::size_t NetShape::weight_at(std::size_t i) const {
  std::size_t at = 0;
  for (std::size_t l = 0; l < i; ++l)
    at += static_cast<std::size_t>(widths[l] + 1) * static_cast<std::size_t>(widths[l + 1]);
  return at;
}

std::size_t NetShape::bias_at(std::size_t i) const {
  return weight_at(i) +
         static_cast<std::size_t>(widths[i]) * static_cast<std::size_t>(widths[i + 1]);
}

std::size_t NetShape::parameters() const { return weight_at(layers()); }

DenseNet NetShape::net(std::span<const double> parameters) const {
  TEPUI_ASSERT(parameters.size() == this->parameters());
  DenseNet net;
  for (std::size_t i = 0; i < layers(); ++i) {
    const auto own = parameters.subspan(weight_at(i), weight_at(i + 1) - weight_at(i));
    net.layers.push_back(linear_net(own, widths[i + 1], widths[i]).layers.front());
  }
  return net;
}

Targets Targets::part(std::int64_t first, std::int64_t count) const {
  Targets out = *this;
  const auto from = static_cast<std::size_t>(first);
  const auto size = static_cast<std::size_t>(count);
  if (real())
    out.values = values.subspan(from, size);
  else
    out.labels = labels.subspan(from, size);
  return out;
}

double Targets::total() const {
  if (real()) return static_cast<double>(values.size());
  double sum = 0;
  for (const int label : labels) sum += weight(label);
  return sum;
}

Result<double> HostNetLoss::sum(std::span<const double> parameters, std::span<const float> rows,
                                const Targets& targets, std::span<double> gradient) {
  const NetShape& own = shape();
  const std::size_t layers = own.layers();
  const auto width = static_cast<std::size_t>(own.widths.front());
  RowsOfBlock block;
  block.count = static_cast<std::int64_t>(rows.size() / width);
  block.rows = rows;
  const auto weight = [&](std::size_t i) {
    return Eigen::Map<const RowsOfDoubles>(&parameters[own.weight_at(i)], own.widths[i + 1],
                                           own.widths[i]);
  };
  std::vector<RowsOfDoubles> x{doubles_of(block, own.widths.front())};
  for (std::size_t i = 0; i < layers; ++i) {
    const Eigen::Map<const Eigen::RowVectorXd> bias(&parameters[own.bias_at(i)], own.widths[i + 1]);
    x.emplace_back((x.back() * weight(i).transpose()).rowwise() + bias);
    if (i + 1 < layers) x.back() = x.back().cwiseMax(0.0);
  }
  RowsOfDoubles delta = std::move(x.back());
  const double loss = targets.real() ? square_loss(delta, targets) : softmax_loss(delta, targets);
  for (std::size_t i = layers; i-- > 0;) {
    Eigen::Map<RowsOfDoubles> dw(&gradient[own.weight_at(i)], own.widths[i + 1], own.widths[i]);
    dw.noalias() = delta.transpose() * x[i];
    Eigen::Map<Eigen::RowVectorXd>(&gradient[own.bias_at(i)], own.widths[i + 1]) =
        delta.colwise().sum();
    if (i == 0) break;
    // x[i] > 0 exactly where the ReLU let its input through.
    delta = ((delta * weight(i)).array() * (x[i].array() > 0).cast<double>()).matrix().eval();
  }
  if (!std::isfinite(loss))
    return fail(ErrorKind::data, "a probe's loss: expected a finite number, found {}", loss);
  return loss;
}

Result<std::unique_ptr<NetLoss>> HostNetLossFactory::make(const NetShape& shape, bool /*real*/) {
  return std::make_unique<HostNetLoss>(shape);
}

}  // namespace tepui
