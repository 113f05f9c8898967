// SPDX-License-Identifier: MIT
// Probes trained on activations while the model computes them: what can be read of a target from
// each layer, beside what a probe reads by itself. Rows stream into memory and behind it into a
// scratch file; the results are rows of the store, one probe at a time.
#pragma once

#include <string>
#include <vector>

#include "plan/massive_rule.h"
#include "study/input_request.h"
#include "study/probe_unit.h"

namespace tepui {

struct ProbeRequest : InputRequest {
  std::string targets;
  std::string probes = "linear";
  std::string sites = "resid_post";
  std::string layers;  // of the sites that name none; empty: all
  std::string features = "standardised";
  std::vector<int> sparse = {1, 2, 4, 8, 16};
  std::vector<std::filesystem::path> labels;
  std::string massive_channels;  // "36,119"; empty: those that the rule finds in the text
  MassiveRule rule;
  ProbeSettings settings;
  // "double": on the processor; "programs": steps on the backend; "auto": the former where the
  // backend is the processor.
  std::string training = "auto";
  bool random_model = true;
  std::uint64_t scratch = std::uint64_t{16} << 30;  // bytes
};

struct ProbeOutcome : RunOutcome {
  int probes = 0;   // that were asked for, those of the random model included
  int trained = 0;  // of them by this run; the others were there
};

// What the store does not hold yet. A store is of a text and of settings; other targets, places,
// features and probes are added to what it has.
Result<ProbeOutcome> run_probe(const ProbeRequest& request, const RunProgress& progress);

}  // namespace tepui
