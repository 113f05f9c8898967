// SPDX-License-Identifier: MIT
// Attention of the unedited run and of branches with edits, by layer and head: what keys receive,
// what goes to massive tokens, and what their part of the output is. The tokens are those that hold
// a massive activation in the unedited run, or those that were asked for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/massive_rule.h"
#include "study/branch_setup.h"
#include "study/input_request.h"
#include "tepui/metric.h"
#include "tepui/result.h"

namespace tepui {

struct AttentionRequest : InputRequest {
  std::vector<BranchRequest> branches;
  MassiveRule rule;
  std::string tokens = "massive";  // or positions: 0, 1-3
  int early = 64;                  // T of the sink metric
  std::vector<std::string> maps;   // LAYER.HEAD, or LAYER for the mean over its heads
  int map_sequences = 1;           // the first ones
  int map_tokens = 256;            // the first ones of each
  CalibrationRequest calibration;
};

// What the store does not hold yet.
Result<RunOutcome> run_attention(const AttentionRequest& request, const RunProgress& progress);

// "3.5", "3": what `option` asks for; an error names what the model has.
Result<AttentionMetricOptions::Map> parse_map(std::string_view text, const ModelSpec& spec,
                                              std::string_view option);

}  // namespace tepui
