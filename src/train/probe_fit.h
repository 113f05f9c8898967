// SPDX-License-Identifier: MIT
// The kinds of probes by name, and one of them trained.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/channel_ranking.h"
#include "train/logistic.h"

namespace tepui {

// linear: logistic regression, of values ridge regression. ridge: of values alone. mlp1, mlp2: one
// or two hidden layers. sparse:K: logistic regression on the K channels that tell most. lda, means:
// closed forms of classes.
struct ProbeKind {
  enum class Type : std::uint8_t { linear, ridge, mlp, sparse, lda, means };
  Type type = Type::linear;
  int count = 0;  // of hidden layers, or of channels

  std::string name() const;
  // Whether it can learn such a target.
  bool takes(bool real) const;
  bool operator==(const ProbeKind&) const = default;
};

// "linear,mlp1,sparse": sparse is one probe for each of `channels`.
Result<std::vector<ProbeKind>> parse_probes(std::string_view text, std::span<const int> channels,
                                            std::string_view option);

struct FitOptions {
  double lambda = 1e-3;
  SolverOptions solver;
  int hidden = 64;
  int most_epochs = 40;
  Ranking ranking = Ranking::f_statistic;
  std::uint64_t seed = 0;
};

struct ProbeFit {
  DenseNet net;                    // of all features, whatever it looks at
  std::optional<Minimum> minimum;  // of what is solved
  int epochs = 0;                  // of what is trained in batches
  std::vector<int> channels;       // features of a sparse probe, the most telling first
};

// `dev` is looked at by perceptrons alone. `classes`: 0 for values.
Result<ProbeFit> fit_probe(const ProbeKind& kind, NetLossFactory& losses, const LabelledRows& train,
                           const LabelledRows& dev, int classes, const FitOptions& options,
                           ThreadPool* pool);

}  // namespace tepui
