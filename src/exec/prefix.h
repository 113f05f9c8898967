// SPDX-License-Identifier: MIT
// The beginnings of sequences, kept so that others can go on with them: keys and values of every
// layer, in every branch. They are computed by the executor, so that branches share what lies
// before their edits.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "exec/executor.h"
#include "tepui/metric.h"

namespace tepui {

struct Prefix {
  int length = 0;                          // T
  std::vector<TokenId> ids;                // [T]
  std::vector<std::vector<float>> keys;    // by layer, [T, G d]: the site k
  std::vector<std::vector<float>> values;  // by layer, [T, G d]: the site v
  std::vector<float> final_norm;           // [embedding_width], of the last row
};

// What an executor for compute_prefixes measures.
std::vector<std::unique_ptr<Metric>> prefix_metrics();
// And where: keys and values of every layer.
Result<SiteSelection> prefix_sites(const ModelSpec& spec);

// By sequence, then by branch of the schedule; without one the unedited run alone.
Result<std::vector<std::vector<Prefix>>> compute_prefixes(Executor& executor, Backend& backend,
                                                          const Model& model, Sequences sequences,
                                                          const Schedule* schedule,
                                                          const OnProgress& on_progress);

}  // namespace tepui
