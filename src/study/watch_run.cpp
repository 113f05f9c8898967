// SPDX-License-Identifier: MIT
#include "study/watch_run.h"

#include "exec/executor.h"
#include "study/perplexity.h"
#include "study/run_plan.h"
#include "study/run_store.h"
#include "study/scoring.h"
#include "study/watch_rows.h"
#include "train/parameters.h"

namespace tepui {
namespace {

Status write_weights_of(const Model& model, StoreWriter& store, const RunProgress& progress) {
  const auto parameters = parameters_of(model);
  if (!parameters) {
    if (progress.note)
      progress.note(fmt::format("{}: without the spread of weights: {}", model.path,
                                parameters.error().message));
    return {};
  }
  std::vector<WatchedWeight> weights;
  for (const Parameter& parameter : *parameters)
    weights.push_back({parameter.layer, std::string(role_name(parameter.role())),
                       weight_statistics(parameter_values(parameter))});
  return store.write_weights(weight_rows(weights));
}

}  // namespace

Result<RunOutcome> run_watch(const InputRequest& request, const RunProgress& progress) {
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(const ScanInput opened, open_scan_input(request, pool));
  TEPUI_TRY(const auto watch, make_watch_work(opened.model.spec, "resid_post"));
  nlohmann::json identity = input_identity(opened);
  identity.update(watch_identity(*watch));
  identity["protocol"] = protocol_of(request.corpus, opened.context);
  TEPUI_TRY(const Schedule schedule, make_schedule({}, opened.model.spec.dims.layers));
  const RunWork work{schedule, watch->sites, watch->metrics, true};
  if (request.dry_run) return dry_run(request, opened, work, pool, progress);
  TEPUI_TRY(RunStore run, RunStore::open(request, opened, "watch", identity, progress));
  if (run.pending().empty()) return run.finish();
  const BranchRow unedited[] = {{"unedited", ""}};
  TEPUI_TRY(run.writer().write_branches(unedited, {}));
  TEPUI_TRY(write_weights_of(opened.model, run.writer(), progress));
  const auto pending = pending_sequences(opened, run.pending());
  TEPUI_TRY(const RunPlan plan, RunPlan::make(request, opened, work, pending));
  TEPUI_TRY(const auto head,
            Head::make(*opened.backend, opened.model, pool, 0, plan.memory().keeps_head));
  Scoring scoring(*head, opened.corpus, run.writer(), {true});
  Executor executor(*opened.backend, opened.model, pool, plan.options(run.folder(), run.identity()),
                    watch->metrics);
  TEPUI_TRY(executor.run(opened.sequences, run.pending(), watch->sites, run.writer(),
                         run.on_progress(), scoring.states()));
  return run.finish();
}

}  // namespace tepui
