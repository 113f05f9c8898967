// SPDX-License-Identifier: MIT
// A training run, or a series of checkpoints that `tepui emergence` looked at, as a report draws
// it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "study/emergence.h"
#include "study/scores.h"
#include "study/training_log.h"

namespace tepui {

struct TrainingSource {
  std::string folder;  // as given
  TrainingLog log;     // empty of a series
  Emergence watched;   // without states where nothing was watched
  // Of stores of tepui intervene in the run's folder: perplexity after edits. RUN/zeroed is the
  // run's own, RUN/intervene a user's.
  std::vector<BranchScores> edited;
  std::optional<RunRecord> run;  // of the last watched store
};

// Nothing where the folder is neither; then it may be a store.
Result<std::optional<TrainingSource>> open_training_source(const std::string& folder);

// Names that tell them apart.
std::vector<std::string> training_labels(const std::vector<TrainingSource>& sources);

}  // namespace tepui
