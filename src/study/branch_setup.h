// SPDX-License-Identifier: MIT
// From edits as they were written to branches that are ready to run: massive layers and means are
// taken from a calibration text where an edit needs them.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "plan/massive_rule.h"
#include "study/branches.h"
#include "study/input_request.h"
#include "study/scan_input.h"

namespace tepui {

struct CalibrationRequest {
  std::vector<std::filesystem::path> text;  // none: the run's own sequences
  int sequences = 100;                      // at most
};

struct BranchSetup {
  std::vector<BranchSpec> specs;  // with the layers that were found
  std::vector<Branch> branches;
};

// The sequences to calibrate on: the first ones of the calibration text, cut as `corpus` says, or
// of the run itself.
Result<std::vector<std::vector<TokenId>>> calibration_sequences(const CalibrationRequest& request,
                                                                const CorpusRequest& corpus,
                                                                const ScanInput& opened);

// Branches as far as they can be told before a calibration, for a plan: edits of massive layers are
// at all layers, and means are what costs the same.
struct PlannedBranches {
  std::vector<Branch> branches;
  bool all_layers = false;
};
Result<PlannedBranches> plan_branches(std::vector<BranchSpec> specs, const ModelSpec& spec);
inline constexpr const char* kAllLayersNote =
    "massive layers are known after calibration: counted as if all layers were so";

// Where hidden states of a calibration are kept, and the name of what it is for; without a folder
// they are not.
struct StateKeeping {
  std::filesystem::path folder;
  std::string identity;
};

// What the edits of the branches have to know of these sequences: nothing is run where it is
// nothing. Within request.memory.
Result<Calibration> calibrate_branches(std::span<const BranchSpec> specs, Sequences sequences,
                                       const InputRequest& request, const ScanInput& opened,
                                       ThreadPool& pool, const MassiveRule& rule,
                                       const StateKeeping& keeping, const RunProgress& progress);

// The line of a plan about a calibration that takes so long.
std::string calibration_line(Sequences sequences, double seconds);

// For commands that keep no store; `longest` as check_positions takes it. Errors as those of
// study/branches.h; progress.note gets what is only odd.
Result<BranchSetup> set_up_branches(std::span<const BranchRequest> requests, std::size_t longest,
                                    const CalibrationRequest& calibration,
                                    const InputRequest& request, const ScanInput& opened,
                                    ThreadPool& pool, const MassiveRule& rule,
                                    const RunProgress& progress);

}  // namespace tepui
