// SPDX-License-Identifier: MIT
// Probes as tables for a terminal and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "study/probe_summary.h"
#include "study/wording.h"

namespace tepui {

std::string probe_table(const ProbeSummary& summary, Letters letters, int columns);
// What stands above the tables of a report: of each target the layer that tells most.
std::string probe_finding(const ProbeSummary& summary);

nlohmann::ordered_json probe_json(const ProbeSummary& summary);

}  // namespace tepui
