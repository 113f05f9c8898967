// SPDX-License-Identifier: MIT
// Which probes a request asks for, and which of them a store lacks.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <vector>

#include "plan/site_selection.h"
#include "study/probe.h"
#include "study/scan_input.h"

namespace tepui {

// A probe within a place.
struct PlannedProbe {
  std::string model;  // "given" or "random"
  std::size_t target = 0;
  FeatureSpec features;
  ProbeKind kind;
};

struct ProbePlan {
  std::vector<Point> points;
  std::vector<std::string> targets;
  std::vector<FeatureSpec> features;
  std::vector<ProbeKind> kinds;
  std::vector<int> massive_channels;  // that were named, ascending

  bool wants(std::string_view target) const;
  bool needs_massive() const;
};

// Checks all names against the model.
Result<ProbePlan> plan_probes(const ProbeRequest& request, const ModelSpec& spec);

// What the results depend on beside the input and the names of probes.
nlohmann::json probe_identity(const ProbeRequest& request, const ScanInput& opened,
                              const TokenTags& tags);

// Which are there already: model, target, place, features and probe.
using DoneProbes = std::set<std::tuple<std::string, std::string, Point, std::string, std::string>>;
DoneProbes done_probes(std::span<const ProbeRow> rows);
// Those of a place that the store lacks; `real`: which targets are values. A kind that does not
// take a target is left out.
std::vector<PlannedProbe> pending_probes(const ProbePlan& plan, const std::vector<bool>& real,
                                         Point point, const std::string& model,
                                         const DoneProbes& done);
// An error where no kind takes a target.
Status check_kinds(const ProbePlan& plan, const std::vector<bool>& real);

}  // namespace tepui
