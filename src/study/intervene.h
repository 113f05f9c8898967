// SPDX-License-Identifier: MIT
// Interventions: what happens to a model's predictions and to its residual stream when massive
// activations are changed. The unedited run and all branches pass through the layers together.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "plan/massive_rule.h"
#include "study/branches.h"
#include "study/input_request.h"
#include "tepui/result.h"

namespace tepui {

// What was done in the two published studies, by name (see protocol_branches).
enum class Protocol : std::uint8_t { none, sun2024, owen2025 };
Result<Protocol> protocol_from_name(std::string_view name);

struct InterveneRequest : InputRequest {
  std::vector<BranchRequest> branches;  // none: those of the protocol, or the default ones
  Protocol protocol = Protocol::none;
  MassiveRule rule;
  std::string sites = "resid_post";                     // where the change is measured
  std::vector<std::filesystem::path> calibration_text;  // none: the text itself
  int calibration_sequences = 100;                      // at most
};

// Detects and calibrates on the calibration text where an edit needs it, then runs what the store
// does not hold yet.
Result<RunOutcome> run_intervene(const InterveneRequest& request, const RunProgress& progress);

// sun2024: at the first massive layer the massive activations of the token with the largest value
// and of position 0 become 0, or their means (tokens at position 0 and others apart).
// owen2025: likewise all massive activations of that layer.
// none: zero and mean of the first massive layer and of all massive layers, and a clip at 100
// medians.
std::vector<BranchRequest> protocol_branches(Protocol protocol);

}  // namespace tepui
