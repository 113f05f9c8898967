// SPDX-License-Identifier: MIT
// Texts behind prompts, unedited and under edits, and how they differ.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/rows.h"
#include "study/branch_setup.h"
#include "study/generation.h"
#include "study/input_request.h"

namespace tepui {

struct GenerateRequest : InputRequest {
  std::vector<BranchRequest> branches;  // beside the unedited run
  CalibrationRequest calibration;
  MassiveRule rule;
  GenerationOptions options;  // its stops are filled in
  bool ignore_stops = false;
};

// One text, with its figures.
struct ContinuedText {
  std::string text;                 // bytes, without the stop
  std::vector<std::string> pieces;  // the bytes of each token
  GeneratedText generated;
  double nll = 0;
};

struct ContinuedPrompt {
  std::string source;  // "prompt", or the file and place it comes from
  std::string text;    // bytes
  std::vector<TokenId> ids;
  std::vector<ContinuedText> branches;  // the unedited one first
};

struct GenerateResult {
  RunInfo run;
  nlohmann::json protocol;  // of the prompts
  GenerationOptions options;
  std::vector<BranchRow> branches;  // the unedited one first
  std::vector<ContinuedPrompt> prompts;
  double seconds = 0;
};

Result<GenerateResult> run_generate(const GenerateRequest& request, const RunProgress& progress);

}  // namespace tepui
