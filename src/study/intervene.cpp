// SPDX-License-Identifier: MIT
#include "study/intervene.h"

#include <algorithm>

#include "base/hash.h"
#include "study/perplexity.h"
#include "study/run_store.h"
#include "study/scoring.h"
#include "tepui/metric.h"

namespace tepui {

namespace {

using nlohmann::json;

constexpr int kShownTop = 4;

// What everything after the input needs.
struct Intervention {
  const InterveneRequest& request;
  const ScanInput& opened;
  ThreadPool& pool;
  ExecOptions options;
  std::vector<std::vector<TokenId>> calibration_text;
  std::vector<BranchSpec> specs;
};

InterveneRequest with_protocol(InterveneRequest request) {
  if (request.branches.empty()) request.branches = protocol_branches(request.protocol);
  if (request.protocol == Protocol::none) return request;
  request.default_context = 4096;
  if (request.protocol == Protocol::sun2024 && request.corpus.bos == BosRule::automatic)
    request.corpus.bos = BosRule::no;
  return request;
}

// The first sequences of the calibration text, or of the text itself.
Result<std::vector<std::vector<TokenId>>> load_calibration(const InterveneRequest& request,
                                                           const ScanInput& opened) {
  std::vector<std::vector<TokenId>> sequences = opened.sequences;
  if (!request.calibration_text.empty()) {
    CorpusRequest corpus = request.corpus;
    corpus.texts = request.calibration_text;
    corpus.ids.reset();
    corpus.prompt.reset();
    corpus.context = opened.context;
    corpus.sequences = request.calibration_sequences;
    TEPUI_TRY(const Corpus loaded, load_corpus(corpus, opened.tokenizer.get()));
    sequences.clear();
    for (const CorpusSequence& sequence : loaded.sequences) sequences.push_back(sequence.ids);
  }
  const auto most = static_cast<std::size_t>(request.calibration_sequences);
  if (sequences.size() > most) sequences.resize(most);
  TEPUI_TRY(check_sequences(sequences, opened.model));
  return sequences;
}

ScanMetricOptions measured(const InterveneRequest& request) {
  ScanMetricOptions options;
  options.top = kShownTop;
  options.fractions = {};
  options.keep_ratio = std::min(options.keep_ratio, request.rule.min_ratio);
  options.keep_floor = std::min(options.keep_floor, request.rule.min_abs);
  return options;
}

json identity_of(const Intervention& plan) {
  const InterveneRequest& request = plan.request;
  const ScanMetricOptions metrics = measured(request);
  json branches = json::array();
  for (const BranchSpec& branch : plan.specs)
    branches.push_back({{"name", branch.name}, {"edits", branch.text()}});
  std::string ids;
  for (const auto& sequence : plan.calibration_text) {
    for (const TokenId id : sequence) ids += fmt::format("{} ", id);
    ids += "\n";
  }
  json identity = input_identity(plan.opened);
  identity.update(
      {{"kind", "intervene"},
       {"protocol", protocol_of(request.corpus, plan.opened.context)},
       {"branches", branches},
       {"sites", request.sites},
       {"rule", {request.rule.min_abs, request.rule.min_ratio}},
       {"calibration", {{"ids", hash_hex(ids)}, {"sequences", plan.calibration_text.size()}}},
       {"top", metrics.top},
       {"quantiles", metrics.fractions},
       {"keep_ratio", metrics.keep_ratio},
       {"keep_floor", metrics.keep_floor},
       {"keep_capacity", metrics.capacity}});
  return identity;
}

std::vector<BranchRow> rows_of(std::span<const BranchSpec> specs) {
  std::vector<BranchRow> rows{{std::string(kUnedited), ""}};
  for (const BranchSpec& spec : specs) rows.push_back({spec.name, spec.text()});
  return rows;
}

// Means and layers: those that the store's results were made with, or new ones.
Result<Calibration> calibration_of(Intervention& plan, RunStore& run, const RunProgress& progress) {
  TEPUI_TRY(const auto stored, run.writer().branches());
  Calibration found;
  if (!stored.empty()) {
    std::vector<BranchRequest> requests;
    for (std::size_t i = 1; i < stored.size(); ++i)
      requests.push_back({stored[i].name, stored[i].edits});
    TEPUI_TRY(plan.specs, parse_branches(requests, plan.opened.model.spec, "stored edit"));
    TEPUI_TRY(found.means, run.writer().calibration());
    return found;
  }
  const std::string sites = calibration_sites(plan.specs);
  if (!sites.empty()) {
    TEPUI_TRY(const SiteSelection selected, SiteSelection::parse(sites, plan.opened.model.spec));
    if (progress.stage) progress.stage("calibration");
    TEPUI_TRY(found, calibrate(*plan.opened.backend, plan.opened.model, plan.pool, plan.options,
                               plan.calibration_text, selected, progress.advance));
    if (progress.stage) progress.stage("intervene");
  }
  TEPUI_TRY(plan.specs, with_layers(plan.specs, found));
  return found;
}

Status run_branches(Intervention& plan, RunStore& run, std::span<const Branch> branches) {
  const ScanInput& opened = plan.opened;
  TEPUI_TRY(const SiteSelection sites, SiteSelection::parse(plan.request.sites, opened.model.spec));
  TEPUI_TRY(const Schedule schedule, make_schedule(branches, opened.model.spec.dims.layers));
  TEPUI_TRY(const auto head, Head::make(*opened.backend, opened.model, plan.pool));
  ScoringOptions scored;
  scored.keep_tokens = true;
  Scoring scoring(*head, opened.corpus, run.writer(), scored);
  const auto metrics = intervention_metrics(measured(plan.request));
  Executor executor(*opened.backend, opened.model, plan.pool, plan.options, metrics);
  return executor.run(
      opened.sequences, run.pending(), sites, run.writer(), run.on_progress(),
      [&](const ChunkResult& chunk) { return scoring.take(chunk); }, {}, &schedule);
}

}  // namespace

Result<Protocol> protocol_from_name(std::string_view name) {
  if (name == "sun2024") return Protocol::sun2024;
  if (name == "owen2025") return Protocol::owen2025;
  return fail(ErrorKind::usage, "--protocol {}: expected sun2024 or owen2025", name);
}

std::vector<BranchRequest> protocol_branches(Protocol protocol) {
  const std::string first = "resid_post.first-massive:";
  const std::string all = "resid_post.massive:";
  switch (protocol) {
    case Protocol::sun2024:
      return {{"set_zero", first + "largest:massive=zero;" + first + "0:massive=zero"},
              {"set_mean", first + "largest:massive=mean;" + first + "0:massive=mean"}};
    case Protocol::owen2025:
      return {{"set_to_zero", first + "massive:massive=zero"},
              {"set_to_mean", first + "massive:massive=mean"}};
    case Protocol::none: break;
  }
  return {{"zero", first + "massive:massive=zero"},
          {"zero, all layers", all + "massive:massive=zero"},
          {"mean", first + "massive:massive=mean"},
          {"mean, all layers", all + "massive:massive=mean"},
          {"clip", first + "all:all=clip:k100"}};
}

Result<RunOutcome> run_intervene(const InterveneRequest& asked, const RunProgress& progress) {
  const InterveneRequest request = with_protocol(asked);
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(const ScanInput opened, open_scan_input(request, pool));
  Intervention plan{request, opened, pool, exec_options(request, opened), {}, {}};
  plan.options.massive = request.rule;
  TEPUI_TRY(plan.specs, parse_branches(request.branches, opened.model.spec, "--edit"));
  TEPUI_TRY(SiteSelection::parse(request.sites, opened.model.spec));
  TEPUI_TRY(plan.calibration_text, load_calibration(request, opened));
  TEPUI_TRY(RunStore run,
            RunStore::open(request, opened, "intervene", identity_of(plan), progress));
  TEPUI_TRY(const Calibration calibration, calibration_of(plan, run, progress));
  std::vector<std::string> notes;
  TEPUI_TRY(const auto branches, ready_branches(plan.specs, opened.model.spec, calibration, notes));
  for (const std::string& note : notes) {
    if (progress.note) progress.note(note);
  }
  TEPUI_TRY(run.writer().write_branches(rows_of(plan.specs), calibration.means));
  if (!run.pending().empty()) TEPUI_TRY(run_branches(plan, run, branches));
  return run.finish();
}

}  // namespace tepui
