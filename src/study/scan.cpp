// SPDX-License-Identifier: MIT
#include "study/scan.h"

#include <nlohmann/json.hpp>

#include "exec/executor.h"
#include "plan/site_selection.h"
#include "study/run_store.h"
#include "study/run_trace.h"

namespace tepui {

namespace {

using nlohmann::json;

json identity_of(const ScanRequest& request, const ScanInput& opened,
                 const SiteSelection& selected) {
  json sites = json::array();
  for (const Point& point : selected.points()) {
    const std::string name(site_name(point.site));
    sites.push_back(point.layer == kNoLayer ? name : fmt::format("{}.{}", name, point.layer));
  }
  json identity = input_identity(opened);
  identity.update({{"sites", sites},
                   {"top", request.metrics.top},
                   {"quantiles", request.metrics.fractions},
                   {"keep_ratio", request.metrics.keep_ratio},
                   {"keep_floor", request.metrics.keep_floor},
                   {"keep_capacity", request.metrics.capacity},
                   {"surface", request.metrics.surface}});
  return identity;
}

}  // namespace

std::string_view tepui_version() { return "0.1.0"; }

Result<ScanOutcome> run_scan(const ScanRequest& request, const RunProgress& progress) {
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(const ScanInput opened, open_scan_input(request, pool));
  TEPUI_TRY(const SiteSelection sites, SiteSelection::parse(request.sites, opened.model.spec));
  TEPUI_TRY(RunStore run,
            RunStore::open(request, opened, "scan", identity_of(request, opened, sites), progress));
  const auto metrics = scan_metrics(request.metrics);
  ExecOptions options = exec_options(request, opened);
  RunTrace trace(*opened.backend);
  if (request.trace) options.observer = &trace;
  Executor executor(*opened.backend, opened.model, pool, options, metrics);
  TEPUI_TRY(executor.run(opened.sequences, run.pending(), sites, run.writer(), run.on_progress()));
  ScanOutcome outcome;
  TEPUI_TRY(static_cast<RunOutcome&>(outcome), run.finish());
  if (request.trace) outcome.trace = trace.table();
  return outcome;
}

}  // namespace tepui
