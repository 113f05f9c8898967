// SPDX-License-Identifier: MIT
#include "study/scan.h"

#include <nlohmann/json.hpp>

#include "exec/executor.h"
#include "plan/site_selection.h"
#include "study/run_plan.h"
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
  TEPUI_TRY(const SiteSelection sites,
            SiteSelection::parse(request.sites, opened.model.spec, "--sites", request.layers));
  ScanMetricOptions kept = request.metrics;
  kept.keep_not_finite = true;  // one sequence's must not cost what others are
  const auto metrics = scan_metrics(kept);
  TEPUI_TRY(const Schedule schedule, make_schedule({}, opened.model.spec.dims.layers));
  const RunWork work{schedule, sites, metrics, false};
  ScanOutcome outcome;
  if (request.dry_run) {
    TEPUI_TRY(static_cast<RunOutcome&>(outcome), dry_run(request, opened, work, pool, progress));
    return outcome;
  }
  TEPUI_TRY(RunStore run,
            RunStore::open(request, opened, "scan", identity_of(request, opened, sites), progress));
  if (run.pending().empty()) {
    TEPUI_TRY(static_cast<RunOutcome&>(outcome), run.finish());
    return outcome;
  }
  const auto pending = pending_sequences(opened, run.pending());
  TEPUI_TRY(const RunPlan plan, RunPlan::make(request, opened, work, pending));
  ExecOptions options = plan.options(run.folder(), run.identity());
  RunTrace trace(*opened.backend);
  if (request.trace) options.observer = &trace;
  Executor executor(*opened.backend, opened.model, pool, options, metrics);
  TEPUI_TRY(executor.run(opened.sequences, run.pending(), sites, run.writer(), run.on_progress()));
  TEPUI_TRY(static_cast<RunOutcome&>(outcome), run.finish());
  if (request.trace) outcome.trace = trace.table();
  return outcome;
}

}  // namespace tepui
