// SPDX-License-Identifier: MIT
// Which tokens an edit costs most, and whether what it costs depends on where a sentence begins:
// from the log-likelihoods that an intervention keeps. Losses are means of -log p in nats;
// intervals are bootstrapped over sequences.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "store/reader.h"
#include "study/bootstrap.h"
#include "study/word_class.h"
#include "tepui/result.h"

namespace tepui {

struct SensitivityOptions {
  std::vector<std::filesystem::path> conllu;  // one for each text, in order; none: English rules
  BootstrapOptions bootstrap;
  int after_boundary = 5;  // so many tokens behind a sentence boundary are looked at apart
};

// Tokens of one kind under one branch.
struct GroupChange {
  std::string group;
  std::int64_t tokens = 0;
  Interval before;   // loss of the unedited run
  Interval after;    // of the branch
  Interval change;   // after - before
  double share = 0;  // of the whole change, in nats
};

struct BranchSensitivity {
  std::string name;
  std::string edits;
  std::vector<GroupChange> classes;    // by word class; only those that occur
  std::vector<GroupChange> positions;  // by position in the sequence
  std::vector<GroupChange> coherence;  // the first tokens after a sentence boundary, and all others
};

// One scored token, for those who want to look at every one.
struct ScoredToken {
  int sequence = 0;
  int position = 0;
  std::int32_t token_id = 0;
  std::string piece;
  WordClass word_class = WordClass::content_word;
  int since_boundary = 0;             // tokens since the last sentence boundary; 0: none before it
  std::vector<float> log_likelihood;  // by branch
};

struct Sensitivity {
  RunInfo run;
  SensitivityOptions options;
  int sequences = 0;
  std::vector<BranchSensitivity> branches;  // beside the unedited run
  std::vector<ScoredToken> tokens;
};

Result<Sensitivity> read_sensitivity(StoreReader& store, const SensitivityOptions& options);

}  // namespace tepui
