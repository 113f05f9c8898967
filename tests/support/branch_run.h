// SPDX-License-Identifier: MIT
// Runs a model with branches on a backend and keeps all of it, for tests: losses of every position,
// every site's values, and what the metrics of an intervention give, by branch.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backend/registry.h"
#include "exec/executor.h"
#include "support/capture.h"

namespace tepui::test {

struct BranchRunSettings {
  int chunk_tokens = 1000;
  int wave_tokens = 1000;
  int threads = 2;
  MassiveRule massive = {0.5, 3};  // of tiny models
  ExecOptions exec = {};           // what is not said above
  bool keep_head = true;
  int refuse_after = 0;  // so many rows the sink takes nothing more, as if its disk were full
  std::string sites = "all";
};

struct BranchRun {
  std::vector<std::vector<double>> scores;       // by branch: losses of all positions
  std::vector<std::vector<double>> divergences;  // likewise
  std::vector<std::vector<std::string>> lines;   // by branch: rows of metrics, sorted, exact bits
  std::vector<std::vector<float>> changes;       // by branch: rows of the metric `change`
  std::vector<Captured> sites;                   // by branch
};

// `branches`: names and edits.
BranchRun run_branches(const Model& model, const std::string& backend, Sequences sequences,
                       const std::vector<std::pair<std::string, std::string>>& branches,
                       const BranchRunSettings& settings);
Result<BranchRun> try_branches(const Model& model, const std::string& backend, Sequences sequences,
                               const std::vector<std::pair<std::string, std::string>>& branches,
                               const BranchRunSettings& settings);

}  // namespace tepui::test
