// SPDX-License-Identifier: MIT
// Perceptrons with one or two hidden layers of ReLUs, trained as Hewitt and Liang (2019) do: Adam
// at a rate of 1e-3, halved after every epoch whose loss on held-out rows is no new minimum, ended
// when that has not fallen by more than 1e-3 for five epochs, or after 40. The parameters of the
// least held-out loss are kept. Weights and biases begin uniform in +-1 / sqrt(inputs).
#pragma once

#include "train/net_loss.h"

namespace tepui {

struct MlpOptions {
  int hidden = 64;        // width of a hidden layer
  int hidden_layers = 1;  // 0: a linear probe, trained this way
  double rate = 1e-3;
  int most_epochs = 40;
  double lambda = 0;  // / 2 times the squared weights
  std::uint64_t seed = 0;
};

struct MlpFit {
  DenseNet net;
  double dev_loss = 0;  // mean
  int epochs = 0;
};

struct LabelledRows {
  const RowSource* rows = nullptr;
  Targets targets;
};

// `outputs`: classes, or 1 for values. Batches are of kBlockRows rows: pieces of 32 neighbours,
// shuffled; the order depends on the seed alone.
Result<MlpFit> train_mlp(NetLossFactory& losses, const LabelledRows& train, const LabelledRows& dev,
                         int outputs, const MlpOptions& options, ThreadPool* pool);

}  // namespace tepui
