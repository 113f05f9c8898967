// SPDX-License-Identifier: MIT
// The loss of a probe (train/dense_net.h) summed over some rows, and its gradient: all that
// training computes. HostNetLoss, in double, is the definition; others run Programs on a backend.
#pragma once

#include <memory>
#include <vector>

#include "train/dense_net.h"
#include "train/row_source.h"

namespace tepui {

// The parameters of a net in one list: of each layer its weight [out, in], then its bias [out].
struct NetShape {
  std::vector<int> widths;  // of the rows, of hidden layers, of the outputs

  std::size_t layers() const { return widths.size() - 1; }
  std::size_t parameters() const;
  // Where layer `i`'s weight and bias begin.
  std::size_t weight_at(std::size_t i) const;
  std::size_t bias_at(std::size_t i) const;
  DenseNet net(std::span<const double> parameters) const;
};

// What rows are to give: labels (0 .. outputs - 1), or values of the single output.
struct Targets {
  std::span<const int> labels;
  std::span<const double> weights;  // of the classes; empty: 1
  std::span<const double> values;

  bool real() const { return !values.empty(); }
  double weight(int label) const {
    return weights.empty() ? 1 : weights[static_cast<std::size_t>(label)];
  }
  // Of so many rows from `first` on.
  Targets part(std::int64_t first, std::int64_t count) const;
  // The sum of the rows' weights.
  double total() const;
};

class NetLoss {
 public:
  explicit NetLoss(NetShape shape) : shape_(std::move(shape)) {}
  virtual ~NetLoss() = default;
  const NetShape& shape() const { return shape_; }

  // Whether sum() may be called from several threads at once.
  virtual bool concurrent() const = 0;
  // The sum over rows [count, width] of weight * -log softmax(outputs)[label], or of
  // (output - value)^2 / 2. The sums' gradient replaces what `gradient` holds. At most kBlockRows
  // rows.
  virtual Result<double> sum(std::span<const double> parameters, std::span<const float> rows,
                             const Targets& targets, std::span<double> gradient) = 0;

 private:
  NetShape shape_;
};

class HostNetLoss final : public NetLoss {
 public:
  using NetLoss::NetLoss;
  bool concurrent() const override { return true; }
  Result<double> sum(std::span<const double> parameters, std::span<const float> rows,
                     const Targets& targets, std::span<double> gradient) override;
};

// Makes the losses that a run of probes needs, for one backend.
class NetLossFactory {
 public:
  virtual ~NetLossFactory() = default;
  virtual Result<std::unique_ptr<NetLoss>> make(const NetShape& shape, bool real) = 0;
  // Whether they are the definition; others are rounded to f32.
  virtual bool exact() const { return false; }
};

class HostNetLossFactory final : public NetLossFactory {
 public:
  Result<std::unique_ptr<NetLoss>> make(const NetShape& shape, bool real) override;
  bool exact() const override { return true; }
};

}  // namespace tepui
