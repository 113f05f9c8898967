// SPDX-License-Identifier: MIT
#include "study/origin.h"

#include <set>

#include "study/massive_tokens.h"
#include "study/perplexity.h"
#include "study/run_store.h"

namespace tepui {

namespace {

nlohmann::json identity_of(const OriginRequest& request, const ScanInput& opened) {
  nlohmann::json identity = input_identity(opened);
  identity.update({{"kind", "origin"},
                   {"protocol", protocol_of(request.corpus, opened.context)},
                   {"rule", {request.rule.min_abs, request.rule.min_ratio}},
                   {"neurons", request.neurons}});
  const ModelSpec& spec = opened.model.spec;
  if (spec.form.mlp == MlpKind::experts) identity["experts_hidden"] = spec.dims.hidden;
  return identity;
}

// Each element once, however many layers it is massive in.
OriginPlaces places_of(const MassiveActivations& activations) {
  OriginPlaces places;
  for (const auto& own : activations) {
    std::set<std::pair<std::int64_t, std::int64_t>> elements;
    for (const MassiveActivation& one : own) elements.insert({one.position, one.channel});
    std::vector<OriginPlace>& list = places.emplace_back();
    for (const auto& [position, channel] : elements)
      list.push_back({static_cast<int>(position), static_cast<int>(channel)});
  }
  return places;
}

// What is computed of these places.
class OriginPass {
 public:
  static Result<std::unique_ptr<OriginPass>> make(const OriginRequest& request,
                                                  const ScanInput& opened, OriginPlaces places) {
    std::unique_ptr<OriginPass> pass(new OriginPass(std::move(places)));
    TEPUI_TRY(pass->schedule_, make_schedule({}, opened.model.spec.dims.layers));
    TEPUI_TRY(pass->sites_, SiteSelection::parse("all", opened.model.spec));
    pass->metrics_ = origin_metrics(opened.model, pass->places_, request.neurons);
    return pass;
  }

  RunWork work() const { return {schedule_, sites_, metrics_}; }

 private:
  explicit OriginPass(OriginPlaces places) : places_(std::move(places)) {}

  OriginPlaces places_;
  Schedule schedule_;
  SiteSelection sites_;
  std::vector<std::unique_ptr<Metric>> metrics_;
};

// A plan looks at the first sequences alone: each is taken to have as many as any has.
OriginPlaces widest_places(const OriginPlaces& places) {
  std::vector<OriginPlace> most;
  for (const std::vector<OriginPlace>& own : places)
    if (own.size() > most.size()) most = own;
  return OriginPlaces(places.size(), most);
}

// Before anything is known of massive activations: every first token is taken to hold one.
OriginPlaces expected_places(const ScanInput& opened) {
  return OriginPlaces(opened.sequences.size(), {OriginPlace{}});
}

// What a dry run prints.
Result<RunOutcome> plan_of_origin(const OriginRequest& request, const ScanInput& opened,
                                  ThreadPool& pool) {
  TEPUI_TRY(const auto pass, OriginPass::make(request, opened, expected_places(opened)));
  TEPUI_TRY(const RunPlan plan, RunPlan::make(request, opened, pass->work(), opened.sequences));
  TEPUI_TRY(const Speed speed, plan.measure(pool));
  TEPUI_TRY(const MassivePass before, MassivePass::make(opened.model.spec, request.rule));
  TEPUI_TRY(const std::string line, before.text(request, opened, speed));
  RunOutcome outcome;
  outcome.sequences = static_cast<int>(opened.sequences.size());
  outcome.plan = plan.text(speed) + line;
  return outcome;
}

Status measure(const OriginRequest& request, const ScanInput& opened, ThreadPool& pool,
               RunStore& run, const RunProgress& progress) {
  const auto pending = pending_sequences(opened, run.pending());
  {  // whether there is memory for all of it, before the first of it is computed
    TEPUI_TRY(const auto pass, OriginPass::make(request, opened, expected_places(opened)));
    TEPUI_TRY(RunPlan::make(request, opened, pass->work(), pending));
  }
  const StateKeeping keeping = massive_keeping(run.folder(), run.identity());
  if (progress.stage) progress.stage("massive activations");
  TEPUI_TRY(
      const MassiveActivations massive,
      find_massive(request, opened, pool, request.rule, run.pending(), keeping, progress.advance));
  if (progress.stage) progress.stage("origin");
  const OriginPlaces places = places_of(massive);
  TEPUI_TRY(const auto planned, OriginPass::make(request, opened, widest_places(places)));
  TEPUI_TRY(const RunPlan plan, RunPlan::make(request, opened, planned->work(), pending));
  ExecOptions options = plan.options(run.folder(), run.identity());
  options.massive = request.rule;
  TEPUI_TRY(const auto pass, OriginPass::make(request, opened, places));
  const RunWork work = pass->work();
  MassiveRows sink(run.writer(), massive);
  Executor executor(*opened.backend, opened.model, pool, options, work.metrics);
  TEPUI_TRY(executor.run(opened.sequences, run.pending(), work.sites, sink, run.on_progress()));
  forget_massive(keeping);
  return {};
}

}  // namespace

Result<RunOutcome> run_origin(const OriginRequest& request, const RunProgress& progress) {
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(const ScanInput opened, open_scan_input(request, pool));
  if (!adds_up(opened.model.spec))
    return fail(ErrorKind::usage,
                "{}: expected a residual stream that sub-layers add to, found one that a norm "
                "replaces in every layer ({}); its activations have no contributions",
                opened.model.path, opened.model.spec.arch->name);
  if (request.dry_run) {
    progress.tell(opened.notes);
    return plan_of_origin(request, opened, pool);
  }
  TEPUI_TRY(RunStore run,
            RunStore::open(request, opened, "origin", identity_of(request, opened), progress));
  if (!run.pending().empty()) TEPUI_TRY(measure(request, opened, pool, run, progress));
  return run.finish();
}

}  // namespace tepui
