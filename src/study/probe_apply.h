// SPDX-License-Identifier: MIT
// Probes that were stored, on another text: what they say of every token, and how often they are
// right where the target can be told of that text.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "plan/massive_rule.h"
#include "study/input_request.h"
#include "study/probe_file.h"
#include "train/class_scores.h"

namespace tepui {

struct ApplyRequest : InputRequest {
  std::vector<std::filesystem::path> probes;  // NAME.json, or folders of results: all in them
  std::vector<std::filesystem::path> labels;
  MassiveRule rule;
};

struct AppliedProbe {
  StoredProbe probe;
  std::string file;
  std::vector<double> outputs;  // by token: log-probabilities of the classes, or the value
  std::int64_t scored = 0;      // tokens whose target is known
  std::optional<ClassScores> classes;
  std::optional<ValueScores> values;
  double majority = 0;           // the most frequent class's share of these tokens
  ProbeTarget target;            // of this text; without labels where they cannot be told
  std::vector<int> known_class;  // by token, in the probe's own numbering; -1: none
};

struct ApplyOutcome {
  std::vector<AppliedProbe> probes;
  int sequences = 0;
  std::int64_t tokens = 0;
  std::vector<std::string> pieces;  // of every token, as text
  std::vector<int> sequence_of_token;
  double seconds = 0;
};

// One pass over the text; activations are not kept.
Result<ApplyOutcome> apply_probes(const ApplyRequest& request, const RunProgress& progress);

std::string apply_table(const ApplyOutcome& outcome, int columns);
nlohmann::ordered_json apply_json(const ApplyOutcome& outcome);
// "probe sequence position token predicted probability target" with tabs; of values without
// probability.
Status write_predictions(const ApplyOutcome& outcome, const std::filesystem::path& file);

}  // namespace tepui
