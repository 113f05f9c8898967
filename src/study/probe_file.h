// SPDX-License-Identifier: MIT
// A trained probe on disk: NAME.safetensors with the layers' weights and biases and what its
// features learnt, NAME.json with what it is of. A pair; the JSON is written last.
#pragma once

#include <filesystem>
#include <optional>

#include "plan/massive_rule.h"
#include "study/probe_unit.h"

namespace tepui {

struct StoredProbe {
  std::string model;
  std::string model_fingerprint;
  std::string target;
  std::vector<std::string> classes;  // empty: it gives a value
  Point point;
  std::string features;
  std::string probe;
  TrainedProbe trained;
  std::optional<MassiveRule> rule;  // what the target massive is of; older files lack it
};

// "linear.sentence-end.resid_post.5.standardised", without what file names had better not hold.
std::string probe_file_name(const StoredProbe& probe);

// Into `folder`, which is made where it is missing.
Status write_probe_file(const std::filesystem::path& folder, const StoredProbe& probe);

// NAME.json. An error where either file is not what it should be, or both do not fit.
Result<StoredProbe> read_probe_file(const std::filesystem::path& file);

}  // namespace tepui
