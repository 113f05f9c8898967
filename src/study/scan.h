// SPDX-License-Identifier: MIT
// The scan: opens a model and a text, runs what the store does not hold yet, and leaves the rows in
// the store. Whatever is shown afterwards is read from there, so that a new table, a resumed one
// and an old one are the same thing.
#pragma once

#include <string>
#include <string_view>

#include "study/input_request.h"
#include "tepui/metric.h"
#include "tepui/result.h"

namespace tepui {

struct ScanRequest : InputRequest {
  std::string sites = "resid_post";
  std::string layers;  // of the sites that name none; empty: all
  ScanMetricOptions metrics;
  bool trace = false;  // count what the backend does
};

struct ScanOutcome : RunOutcome {
  std::string trace;  // where it was asked for: a table (study/run_trace.h)
};

Result<ScanOutcome> run_scan(const ScanRequest& request, const RunProgress& progress);

// What results depend on beside the request; part of a store's identity.
std::string_view tepui_version();

}  // namespace tepui
