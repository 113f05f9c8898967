// SPDX-License-Identifier: MIT
// What probes are asked to tell of a token, derived from the text, from the run, or from a file.
// Targets have classes, two or more, or are values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "study/label_file.h"
#include "study/massive_tokens.h"

namespace tepui {

// One label, or value, a token of all sequences, one behind the other.
struct ProbeTarget {
  std::string name;
  std::vector<std::string> classes;  // empty: values
  std::vector<int> labels;           // -1: none, such a token is left out
  std::vector<double> values;        // NaN: none

  bool real() const { return classes.empty(); }
  bool has(std::size_t token) const;
};

struct TargetKind {
  std::string_view name;
  std::string_view what;  // for the help
  bool needs_text = false;
};
// massive, first, delimiter, first-delimiter, punctuation, sentence-end, next-delimiter,
// position, position-bins, frequency, word-class, sink; `labels` are those of the file.
std::span<const TargetKind> probe_target_kinds();

// What they are derived from.
struct TargetSources {
  const ScanInput& opened;
  const MassiveActivations* massive = nullptr;  // for `massive`
  const std::vector<double>* sink = nullptr;    // for `sink`: by token, what it receives
  const TokenTags* tags = nullptr;              // for `labels`
};

// An error where it is unknown, or the text has fewer than two classes of it.
Result<ProbeTarget> make_target(std::string_view name, const TargetSources& sources);

}  // namespace tepui
