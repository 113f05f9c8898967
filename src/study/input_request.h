// SPDX-License-Identifier: MIT
// What every run of a model over a text is asked for: model, text, device, and how the work is
// divided. Also how it tells how far it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "input/corpus.h"
#include "plan/massive_rule.h"

namespace tepui {

struct InputRequest {
  std::filesystem::path model;
  std::optional<std::filesystem::path> tokenizer;  // where the model folder has none
  CorpusRequest corpus;
  std::string backend = "auto";
  int threads = 0;             // 0: all
  std::uint64_t memory = 0;    // bytes that the process may take; 0: half of the machine's
  int default_context = 2048;  // where corpus.context is 0: this, or the model's if that is less
  int room = 0;                // and so many tokens less than the model's, as far as it has them
  int wave = 0;                // tokens between two commits to the store; 0: as the memory suggests
  double sync_seconds = 15;    // at least between two times that hidden states are written to disk
  bool dry_run = false;        // plan, measure and tell, but run nothing
  bool json = false;           // the plan as one JSON document
  bool by_text = false;        // the command has --chunks
  std::optional<std::filesystem::path> out;
  std::string command;                    // as typed, for the record
  std::optional<MassiveRule> rule_shown;  // what the command calls massive, if not the default
  std::string model_fingerprint;          // where it is known already; empty: it is computed
};

struct RunProgress {
  std::function<void(const std::string&)> note;             // one line, once
  std::function<void(const std::string&)> stage;            // what is counted from now on
  std::function<void(std::int64_t, std::int64_t)> advance;  // tokens done, tokens in all
  std::function<void(const std::string&)> counting;         // what is counted, if not tokens
  // Takes what tells, should the run be stopped from now on, what is kept of it.
  std::function<void(std::function<std::string()>)> stopping;

  void tell(std::span<const std::string> notes) const {
    for (const std::string& line : notes)
      if (note) note(line);
  }
};

struct RunOutcome {
  std::filesystem::path folder;
  int sequences = 0;
  int computed = 0;         // sequences that this run computed; the others were there
  std::int64_t tokens = 0;  // that this run computed
  double seconds = 0;
  std::string plan;  // of a dry run, which has no folder
};

}  // namespace tepui
