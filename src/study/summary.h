// SPDX-License-Identifier: MIT
// A scan in numbers: per place the means over sequences, the largest values with their places, what
// the rule calls massive and how constant it is. Everything that is shown or written afterwards
// (finding, table, JSON) is a pure function of a ScanSummary.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/reader.h"
#include "study/massive.h"
#include "tepui/result.h"

namespace tepui {

struct SummaryOptions {
  MassiveRule rule;
  int top = 5;  // how many values per place; at most what the run kept
};

struct TopValue {
  float value = 0;  // signed
  int sequence = 0;
  std::int64_t position = 0;
  std::int64_t channel = 0;
  double median = 0;  // of its sequence
};

struct QuantileMean {
  double fraction = 0;
  double mean = 0;  // over sequences
};

struct PointSummary {
  Point point;
  int sequences = 0;             // that have rows here
  double median = 0;             // mean over sequences of the lower median
  std::vector<double> top_mean;  // mean over sequences of top-1.. of |x|
  std::vector<TopValue> top;     // the largest of all sequences; ties: lowest sequence, then place
  std::optional<TopValue> steepest;  // the largest |value| / median of its sequence
  std::vector<TopValue> below;  // of the top-k: per channel the largest that the rule leaves out
  std::vector<QuantileMean> quantiles;
  int massive_sequences = 0;
};

// What kind of token a value sits at. A delimiter consists of punctuation and white space, with at
// least one of . , ; : ! ? or a line break.
enum class TokenClass { first, first_delimiter, delimiter, other };

// The massive values of one place, channel and token class: how constant they are over inputs.
struct MassiveGroup {
  Point point;
  std::int64_t channel = 0;
  TokenClass token_class = TokenClass::first;
  int count = 0;
  int sequences = 0;
  double mean = 0;                  // of the signed values
  std::optional<double> deviation;  // the sample's standard deviation; from two values on
  std::optional<double> ratio;      // mean; nothing where a median is 0
  std::vector<std::pair<std::int32_t, int>> tokens;  // id and count, most frequent first
};

// A number of the store; the activations behind it were not all finite.
struct NotFinite {
  Point point;
  int sequence = 0;
  std::string metric;
  std::int64_t position = -1;
  std::int64_t channel = -1;
  float value = 0;
};

struct ScanSummary {
  RunInfo run;
  std::string command = "scan";  // that made the store
  SummaryOptions options;
  std::vector<SequenceRow> sequences;
  std::map<std::int32_t, VocabularyRow> vocabulary;
  std::vector<int> finished;         // the sequences that were scanned
  std::vector<PointSummary> points;  // in order of computation
  MassiveReport massive;
  std::vector<MassiveGroup> groups;  // by place, channel, class
  std::vector<NotFinite> not_finite;

  const PointSummary* at(Point point) const;  // null: not scanned
  // The token there; an empty row where the store does not know it.
  const VocabularyRow& token(int sequence, std::int64_t position) const;
  TokenClass token_class(int sequence, std::int64_t position) const;
  // Whether the store is one of those that keep what a rule judges; else nothing is said here of
  // what is massive.
  bool judged() const;
};

bool is_delimiter(std::string_view bytes);
std::string_view token_class_name(TokenClass token_class);  // "first", "first_delimiter", ...

Result<ScanSummary> summarise(StoreReader& store, const SummaryOptions& options);

}  // namespace tepui
