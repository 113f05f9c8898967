// SPDX-License-Identifier: MIT
// The scan: opens a model and a text, runs what the store does not hold yet, and leaves the rows in
// the store. Whatever is shown afterwards is read from there, so that a new table, a resumed one
// and an old one are the same thing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "exec/executor.h"
#include "input/corpus.h"
#include "tepui/metric.h"
#include "tepui/result.h"

namespace tepui {

struct ScanRequest {
  std::filesystem::path model;
  std::optional<std::filesystem::path> tokenizer;  // where the model folder has none
  CorpusRequest corpus;
  std::string sites = "resid_post";
  ScanMetricOptions metrics;
  std::string backend = "auto";
  int threads = 0;           // 0: all
  std::uint64_t memory = 0;  // bytes of packed weights that may stay; 0: half of the machine's
  int wave = 0;              // tokens between two commits to the store; 0: as the memory suggests
  std::optional<std::filesystem::path> out;
  std::string command;  // as typed, for the record
};

struct ScanProgress {
  std::function<void(const std::string&)> note;             // one line, once
  std::function<void(std::int64_t, std::int64_t)> advance;  // tokens done, tokens in all
};

struct ScanOutcome {
  std::filesystem::path folder;
  int sequences = 0;
  int computed = 0;         // sequences that this run computed; the others were there
  std::int64_t tokens = 0;  // that this run computed
  double seconds = 0;
};

Result<ScanOutcome> run_scan(const ScanRequest& request, const ScanProgress& progress);

// What results depend on beside the request; part of a store's identity.
std::string_view tepui_version();

}  // namespace tepui
