// SPDX-License-Identifier: MIT
// Runs a model with what attention's metrics measure, beside whole sites, and computes the same
// from these in double precision, straight from the formulas.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "exec/executor.h"
#include "support/capture.h"
#include "support/run_model.h"

namespace tepui::test {

// By "sequence.layer.site.metric".
using KeptSeries = std::map<std::string, std::vector<float>>;

struct AttentionRun {
  Captured sites;
  KeptSeries series;
  std::vector<std::string> lines;  // of the metrics alone, sorted, exact bits
};

AttentionRun run_attention_metrics(const Model& model, Sequences sequences,
                                   const RunSettings& settings,
                                   const AttentionMetricOptions& options, const TokenMarks& marks);

using Vector = std::vector<double>;
using Rows = std::vector<Vector>;

// One layer of one sequence in double, from the run's q, k, v, z and attn_out.
class LayerAttention {
 public:
  LayerAttention(const Model& model, const AttentionRun& run, int layer, int sequence);

  std::size_t tokens() const { return tokens_; }
  double score(std::size_t head, std::size_t query, std::size_t key) const;
  const Rows& probabilities(std::size_t head) const { return probabilities_[head]; }  // [T, T]
  // What the marked tokens give to each query, [T, H d], and what all others do.
  Rows part(const std::vector<int>& marked) const;
  Rows rest(const std::vector<int>& marked) const;
  Rows projected(const Rows& z) const;         // by the output projection, without its bias
  Vector bias() const;                         // of the output projection, 0 without one
  Rows value_of_head(std::size_t head) const;  // z of one head, 0 in the others' columns
  Rows site(Site site) const;                  // [T, width]
  double output_bound(std::size_t query, std::size_t channel) const;  // of the projection's sum

 private:
  const Model& model_;
  const AttentionRun& run_;
  int layer_;
  int sequence_;
  std::size_t tokens_;
  Rows q_;
  Rows k_;
  Rows v_;
  std::vector<Rows> probabilities_;
  std::vector<float> projection_;  // [D, H d]
};

// (mean |y|^2, |mean y|^2, mean |y - mean y|^2, mean cosine) over rows from `first` on that are not
// marked, of columns [begin, end).
Vector constancy_of(const Rows& y, const std::vector<int>& marked, std::size_t begin,
                    std::size_t end);

}  // namespace tepui::test
