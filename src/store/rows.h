// SPDX-License-Identifier: MIT
// The rows of a store as C++ values: what the writer takes and the reader gives back. The columns'
// meanings are documented once, with the tables (schema.cpp); observations and series are those of
// metrics/row_sink.h with owned data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tepui/site.h"

namespace tepui {

// One run of the program on a store. Several where it was continued.
struct RunInfo {
  std::string options;            // JSON text: the options as given
  std::string model;              // a short name, for reports
  std::string model_path;         // as given
  std::string model_fingerprint;  // a hash of the weights and the configuration
  std::string tokenizer;          // its kind
  std::string tokenizer_fingerprint;
  std::string text;  // file names, or what else the input was
  std::string text_fingerprint;
  std::string backend;  // "cpu"
  std::string device;   // the processor's or the card's name
  std::string detail;   // instruction set, driver
  std::string version;  // of tepui
  bool operator==(const RunInfo&) const = default;
};

// One of them with its times, in UTC (ISO 8601).
struct RunRecord {
  RunInfo info;
  std::string started;
  std::string finished;  // empty: it was interrupted, or still runs
};

// Tokens as the model saw them, BOS included.
struct SequenceRow {
  std::string source;            // the file, "prompt" or "ids"
  std::int64_t first_token = 0;  // index in its source of the first token after BOS
  bool has_bos = false;
  std::vector<std::int32_t> tokens;
  bool operator==(const SequenceRow&) const = default;
};

struct VocabularyRow {
  std::int32_t token_id = 0;
  std::string piece;  // the vocabulary's own spelling
  std::string bytes;  // what it stands for in running text
  bool operator==(const VocabularyRow&) const = default;
};

struct BranchRow {
  std::string name;
  std::string edits;  // as written; empty for the unedited run
  bool operator==(const BranchRow&) const = default;
};

// Of one sequence under one branch.
struct LikelihoodRow {
  int branch = 0;
  int sequence = 0;
  std::int64_t tokens = 0;  // that are scored
  double nll = 0;           // their sum, nats; NaN where it is not finite
  double kl = 0;            // the sum of KL(branch 0 || this one) over the same positions
};

struct CalibrationRow {
  Point point;
  std::int64_t channel = 0;
  bool first = false;  // of position 0
  std::int64_t count = 0;
  double mean = 0;
  double deviation = 0;
  bool operator==(const CalibrationRow&) const = default;
};

// One number about one probe (schema.cpp lists them).
struct ProbeRow {
  std::string model;  // "given", or "random": of a random model of the same shape
  std::string target;
  Point point;
  std::string features;
  std::string probe;
  int seed = 0;  // -1: of all seeds
  std::string metric;
  double value = 0;  // NaN where it means nothing
};

// One number about a weight's values (schema.cpp lists them).
struct WeightRow {
  int layer = kNoLayer;
  std::string weight;
  std::string metric;
  double value = 0;  // NaN where it means nothing
};

// Mean over sequences of one number of a place under one branch; NaN where one is no number.
struct MeanRow {
  int branch = 0;
  Point point;
  std::string metric;  // change; top_k of rank 0 (of |value|); quantile of 0.5
  int rank = -1;
  double mean = 0;
};

struct UnitRange {
  int first = 0;
  int last = 0;  // exclusive
  bool operator==(const UnitRange&) const = default;
};

struct ObservationRow {
  std::string metric;
  int rank = -1;
  double parameter = 0;
  std::int64_t position = -1;
  std::int64_t channel = -1;
  float value = 0;
};

struct SeriesRow {
  std::string metric;
  std::vector<float> values;
  std::vector<std::uint32_t> indices;
};

}  // namespace tepui
