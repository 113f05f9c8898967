// SPDX-License-Identifier: MIT
// The stores that a report is made from, and how their runs are told apart.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "study/attention_summary.h"
#include "study/origin_summary.h"
#include "study/probe_summary.h"
#include "study/summary.h"

namespace tepui {

struct ReportSource {
  std::string folder;  // as given
  StoreReader store;
  nlohmann::json identity;
  std::vector<RunRecord> runs;                // at least one
  ScanSummary scan;                           // without places where one of these is there:
  std::optional<AttentionSummary> attention;  // of a store of tepui attention
  std::optional<OriginSummary> origin;        // of a store of tepui origin
  std::optional<ProbeSummary> probes;         // of a store of tepui probe
};

Result<ReportSource> open_report_source(const std::string& folder, const MassiveRule& rule);

// A name for each: its model, and of text, BOS, backend, sites and folder those that are needed to
// tell all apart. All differ.
std::vector<std::string> source_labels(const std::vector<ReportSource>& sources);

// "with BOS", "without BOS" or "some with BOS".
std::string bos_of(const ScanSummary& scan);

}  // namespace tepui
