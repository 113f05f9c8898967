// SPDX-License-Identifier: MIT
// What is measured of a model in training, and of the checkpoints of a series: a scan's metrics at
// the sites that are asked for, what attention does in every layer, and the norms of its keys and
// values.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "plan/site_selection.h"
#include "tepui/metric.h"

namespace tepui {

struct WatchWork {
  ScanMetricOptions options;
  SiteSelection sites;  // of all metrics
  TokenMarks marks;     // of no token: the first one is looked at by itself
  std::vector<std::unique_ptr<Metric>> metrics;
};

// `sites` as of --sites: where the scan's metrics measure.
Result<std::unique_ptr<WatchWork>> make_watch_work(const ModelSpec& spec, std::string_view sites);

}  // namespace tepui
