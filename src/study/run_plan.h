// SPDX-License-Identifier: MIT
// How a run over a text will be divided, and what it is expected to take: what --dry-run prints
// instead of running.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "exec/memory_division.h"
#include "exec/speed.h"
#include "study/input_request.h"
#include "study/scan_input.h"

namespace tepui {

// What is computed of the sequences.
struct RunWork {
  const Schedule& schedule;
  const SiteSelection& sites;
  std::span<const std::unique_ptr<Metric>> metrics;
  bool scores = false;
  bool keeps_states = true;                 // hidden states may lie in files of the folder
  const SiteSelection* streamed = nullptr;  // places whose rows are handed out as they are
  std::uint64_t beside = 0;                 // bytes that the caller holds meanwhile, and of what
  std::string_view beside_what = "";
};

class RunPlan {
 public:
  // `sequences` are those that are still to be run.
  static Result<RunPlan> make(const InputRequest& request, const ScanInput& opened,
                              const RunWork& work, Sequences sequences);

  const MemoryDivision& memory() const { return memory_; }
  // `folder` is the store's, `identity` that of its results; unused where states are not kept.
  ExecOptions options(const std::filesystem::path& folder, const std::string& identity) const;

  // Measures this machine for some seconds.
  Result<Speed> measure(ThreadPool& pool) const;
  Expectation expected(const Speed& speed) const;
  std::string text(const Speed& speed) const;
  nlohmann::ordered_json document(const Speed& speed) const;

 private:
  RunPlan(const InputRequest& request, const ScanInput& opened, const RunWork& work,
          Sequences sequences)
      : request_(request), opened_(opened), work_(work), sequences_(sequences) {}
  MemoryQuestion question() const;

  const InputRequest& request_;
  const ScanInput& opened_;
  RunWork work_;
  Sequences sequences_;
  MemoryDivision memory_;
};

// Plans all sequences, and runs none; tells what is to be said of the input.
Result<RunOutcome> dry_run(const InputRequest& request, const ScanInput& opened,
                           const RunWork& work, ThreadPool& pool, const RunProgress& progress);

// "268 MiB", "3.73 GiB"; "28.6 s", "2:28".
std::string size_text(std::uint64_t bytes);
std::string time_text(double seconds);

// A plan as text and as a document.
std::string plan_table(const MemoryQuestion& question, const MemoryDivision& memory,
                       const Speed& speed, const Expectation& expected);
nlohmann::ordered_json plan_document(const MemoryQuestion& question, const MemoryDivision& memory,
                                     const Speed& speed, const Expectation& expected);

}  // namespace tepui
