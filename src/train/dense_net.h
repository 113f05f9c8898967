// SPDX-License-Identifier: MIT
// A trained probe: linear layers, a ReLU between two of them. A linear probe is one layer, mlp1
// two, mlp2 three; the outputs are logits of the classes, or one value.
#pragma once

#include <vector>

#include "train/row_source.h"

namespace tepui {

// Weights are f32 from the moment that training ends, so that a probe that was stored gives what it
// gave when it was scored.
struct DenseLayer {
  int in = 0;
  int out = 0;
  std::vector<float> weight;  // [out, in]
  std::vector<float> bias;    // [out]
  bool operator==(const DenseLayer&) const = default;
};

struct DenseNet {
  std::vector<DenseLayer> layers;
  int outputs() const { return layers.empty() ? 0 : layers.back().out; }
  bool operator==(const DenseNet&) const = default;
};

// One layer from parameters W [outputs, width], b [outputs].
DenseNet linear_net(std::span<const double> parameters, int outputs, int width);

// [rows, outputs], in double.
Result<std::vector<double>> outputs_of(const DenseNet& net, const RowSource& rows,
                                       ThreadPool* pool);
// The same of logits as log-probabilities: each row less the logarithm of its sum of exponentials.
Result<std::vector<double>> log_probabilities(const DenseNet& net, const RowSource& rows,
                                              ThreadPool* pool);

}  // namespace tepui
