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

Status measure(const OriginRequest& request, const ScanInput& opened, ThreadPool& pool,
               RunStore& run, const RunProgress& progress) {
  ExecOptions options = exec_options(request, opened);
  options.massive = request.rule;
  if (progress.stage) progress.stage("massive activations");
  TEPUI_TRY(const MassiveActivations massive,
            find_massive(*opened.backend, opened.model, pool, options, opened.sequences,
                         run.pending(), progress.advance));
  if (progress.stage) progress.stage("origin");
  const OriginPlaces places = places_of(massive);
  const auto metrics = origin_metrics(opened.model, places, request.neurons);
  MassiveRows sink(run.writer(), massive);
  TEPUI_TRY(const SiteSelection all, SiteSelection::parse("all", opened.model.spec));
  Executor executor(*opened.backend, opened.model, pool, options, metrics);
  return executor.run(opened.sequences, run.pending(), all, sink, run.on_progress());
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
  TEPUI_TRY(RunStore run,
            RunStore::open(request, opened, "origin", identity_of(request, opened), progress));
  if (!run.pending().empty()) TEPUI_TRY(measure(request, opened, pool, run, progress));
  return run.finish();
}

}  // namespace tepui
