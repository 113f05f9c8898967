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

// A run as the store remembers it, with its times (UTC, ISO 8601).
struct RunRecord {
  RunInfo info;
  std::string started;
  std::string finished;  // empty: was interrupted, or still runs
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
