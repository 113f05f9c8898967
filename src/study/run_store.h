// SPDX-License-Identifier: MIT
// The store behind a run: opened or continued under an identity, with the input in it, and what is
// still to be computed. Shared by every command that runs a model over a text.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exec/executor.h"
#include "store/writer.h"
#include "study/input_request.h"
#include "study/scan_input.h"

namespace tepui {

// What results depend on, whatever is measured: model, tokenizer, text, backend, code version.
nlohmann::json input_identity(const ScanInput& opened);
// A hash of all of it.
std::string identity_key(const nlohmann::json& identity);

// For the record, of a store or of a document.
RunInfo run_info(const InputRequest& request, const ScanInput& opened);

// Those that are still to be run, in order.
std::vector<std::vector<TokenId>> pending_sequences(const ScanInput& opened,
                                                    std::span<const SequenceRange> pending);

// The sequences, and the spelling of their tokens; without a tokenizer these are shown by their
// ids.
Status write_sequences(std::span<const SequenceRow> rows, const Tokenizer* tokenizer,
                       StoreWriter& store);

class RunStore {
 public:
  // Prints the input's notes. `kind` names the default folder: tepui-<kind>-<model>-<text>-<hash>.
  // `only`, if given, are the sequences [first, last) that this run is for.
  static Result<RunStore> open(const InputRequest& request, const ScanInput& opened,
                               std::string_view kind, const nlohmann::json& identity,
                               const RunProgress& progress,
                               std::optional<SequenceRange> only = std::nullopt);

  StoreWriter& writer() { return writer_; }
  const std::filesystem::path& folder() const { return outcome_.folder; }
  const std::vector<SequenceRange>& pending() const { return pending_; }
  const std::string& identity() const { return identity_; }
  // For the executor; begins with the first call. Tokens times layers become tokens.
  OnProgress on_progress() const;
  Result<RunOutcome> finish();

 private:
  explicit RunStore(StoreWriter writer) : writer_(std::move(writer)) {}

  StoreWriter writer_;
  RunOutcome outcome_;
  std::string identity_;
  std::vector<SequenceRange> pending_;
  RunProgress progress_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace tepui
