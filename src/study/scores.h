// SPDX-License-Identifier: MIT
// What a store says of the text's likelihood under each branch: sums over sequences, of each text
// and of all. perplexity = exp(nll / tokens), tokens = the positions that were predicted.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/reader.h"
#include "tepui/result.h"

namespace tepui {

struct Score {
  std::string text;  // what the sequences were cut from
  int sequences = 0;
  std::int64_t tokens = 0;
  double nll = 0;  // nats, summed; NaN where one is not finite
  double kl = 0;   // of the unedited run to this one, nats, summed

  double perplexity() const;
  double mean_kl() const;
};

struct BranchScores {
  std::string name;
  std::string edits;
  Score all;
  std::vector<Score> texts;
};

struct ScoredRun {
  RunInfo run;
  nlohmann::json identity;
  int sequences = 0;  // of the input; those that are done have scores
  std::vector<BranchScores> branches;
};

// An error where the store holds no scores.
Result<ScoredRun> read_scores(StoreReader& store);

}  // namespace tepui
