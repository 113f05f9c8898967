// SPDX-License-Identifier: MIT
#include "study/intervene.h"

#include <algorithm>

#include "base/hash.h"
#include "study/perplexity.h"
#include "study/run_plan.h"
#include "study/run_store.h"
#include "study/scoring.h"
#include "tepui/metric.h"

namespace tepui {

namespace {

using nlohmann::json;

constexpr int kShownTop = 4;

InterveneRequest with_protocol(InterveneRequest request) {
  if (request.branches.empty() && !request.unedited_alone)
    request.branches = protocol_branches(request.protocol);
  if (request.protocol == Protocol::none) return request;
  request.default_context = 4096;
  if (request.protocol == Protocol::sun2024 && request.corpus.bos == BosRule::automatic)
    request.corpus.bos = BosRule::no;
  return request;
}

std::vector<BranchRow> rows_of(std::span<const BranchSpec> specs) {
  std::vector<BranchRow> rows{{std::string(kUnedited), ""}};
  for (const BranchSpec& spec : specs) rows.push_back({spec.name, spec.text()});
  return rows;
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

ScanMetricOptions OpenIntervention::measured() const {
  ScanMetricOptions options;
  options.top = kShownTop;
  options.fractions = {};
  options.keep_ratio = std::min(options.keep_ratio, request_.rule.min_ratio);
  options.keep_floor = std::min(options.keep_floor, request_.rule.min_abs);
  return options;
}

OpenIntervention::OpenIntervention(const InterveneRequest& request)
    : request_(with_protocol(request)),
      pool_(request.threads > 0 ? request.threads : ThreadPool::hardware_threads()) {}

Result<std::unique_ptr<OpenIntervention>> OpenIntervention::open(const InterveneRequest& request) {
  std::unique_ptr<OpenIntervention> own(new OpenIntervention(request));
  TEPUI_TRY(own->input_, open_scan_input(own->request_, own->pool_));
  const ModelSpec& spec = own->input_.model.spec;
  TEPUI_TRY(own->specs_, parse_branches(own->request_.branches, spec, "--edit"));
  TEPUI_TRY(check_positions(own->specs_, longest_of(own->input_.sequences)));
  TEPUI_TRY(SiteSelection::parse(own->request_.sites, spec));
  TEPUI_TRY(own->calibration_text_,
            calibration_sequences(own->request_.calibration, own->request_.corpus, own->input_));
  own->identity_ = own->make_identity();
  return own;
}

json OpenIntervention::make_identity() const {
  const ScanMetricOptions metrics = measured();
  json branches = json::array();
  for (const BranchSpec& branch : specs_)
    branches.push_back({{"name", branch.name}, {"edits", branch.text()}});
  std::string ids;
  for (const auto& sequence : calibration_text_) {
    for (const TokenId id : sequence) ids += fmt::format("{} ", id);
    ids += "\n";
  }
  json identity = input_identity(input_);
  identity.update(
      {{"kind", "intervene"},
       {"protocol", protocol_of(request_.corpus, input_.context)},
       {"branches", branches},
       {"sites", request_.sites},
       {"rule", {request_.rule.min_abs, request_.rule.min_ratio}},
       {"calibration", {{"ids", hash_hex(ids)}, {"sequences", calibration_text_.size()}}},
       {"top", metrics.top},
       {"quantiles", metrics.fractions},
       {"keep_ratio", metrics.keep_ratio},
       {"keep_floor", metrics.keep_floor},
       {"keep_capacity", metrics.capacity}});
  return identity;
}

// Where nothing is massive for want of a BOS, which an option gives.
Error OpenIntervention::with_hint(Error error) const {
  const bool has_one = input_.tokenizer != nullptr && input_.tokenizer->bos().has_value();
  if (request_.corpus.bos == BosRule::no && has_one)
    error.message += fmt::format("; {}: --bos yes puts one before each sequence",
                                 request_.protocol == Protocol::sun2024
                                     ? "sun2024 runs without BOS, and some models need one"
                                     : "there is no BOS, and some models need one");
  return error;
}

// Means and layers: those that the store's results were made with, or new ones.
Result<OpenIntervention::Ready> OpenIntervention::ready(RunStore& run,
                                                        const RunProgress& progress) {
  const ModelSpec& spec = input_.model.spec;
  TEPUI_TRY(const auto stored, run.writer().branches());
  if (!stored.empty()) {
    std::vector<BranchRequest> requests;
    for (std::size_t i = 1; i < stored.size(); ++i)
      requests.push_back({stored[i].name, stored[i].edits});
    Ready found;
    TEPUI_TRY(found.specs, parse_branches(requests, spec, "stored edit"));
    TEPUI_TRY(found.calibration.means, run.writer().calibration());
    return found;
  }
  if (calibrated_) return *calibrated_;
  Ready found;
  TEPUI_TRY(found.calibration,
            calibrate_branches(specs_, calibration_text_, request_, input_, pool_, request_.rule,
                               {run.folder(), run.identity()}, progress));
  if (progress.stage && found.calibration.sequences > 0) progress.stage("intervene");
  auto specs = with_layers(specs_, found.calibration);
  if (!specs) return tl::unexpected(with_hint(specs.error()));
  found.specs = *std::move(specs);
  calibrated_ = found;
  return found;
}

Status OpenIntervention::run_branches(RunStore& run, std::span<const Branch> branches) {
  const Model& model = input_.model;
  TEPUI_TRY(const SiteSelection sites, SiteSelection::parse(request_.sites, model.spec));
  TEPUI_TRY(const Schedule schedule, make_schedule(branches, model.spec.dims.layers));
  const auto metrics = intervention_metrics(measured());
  const auto pending = pending_sequences(input_, run.pending());
  TEPUI_TRY(const RunPlan plan,
            RunPlan::make(request_, input_, {schedule, sites, metrics, true}, pending));
  TEPUI_TRY(const auto head,
            Head::make(*input_.backend, model, pool_, 0, plan.memory().keeps_head));
  ScoringOptions scored;
  scored.keep_tokens = true;
  Scoring scoring(*head, input_.corpus, run.writer(), scored);
  ExecOptions options = plan.options(run.folder(), run.identity());
  options.massive = request_.rule;
  Executor executor(*input_.backend, model, pool_, options, metrics);
  return executor.run(input_.sequences, run.pending(), sites, run.writer(), run.on_progress(),
                      scoring.states(), {}, &schedule);
}

Result<RunOutcome> OpenIntervention::run(const std::optional<std::filesystem::path>& out,
                                         std::optional<std::pair<int, int>> sequences,
                                         const RunProgress& progress) {
  InputRequest request = request_;
  if (out) request.out = out;
  TEPUI_TRY(RunStore run,
            RunStore::open(request, input_, "intervene", identity_, progress, sequences));
  TEPUI_TRY(const Ready found, ready(run, progress));
  std::vector<std::string> notes;
  TEPUI_TRY(const auto branches,
            ready_branches(found.specs, input_.model.spec, found.calibration, notes));
  for (std::string& idle : notes_of_idle_edits(found.specs, input_.sequences))
    notes.push_back(std::move(idle));
  progress.tell(notes);
  TEPUI_TRY(run.writer().write_branches(rows_of(found.specs), found.calibration.means));
  if (!run.pending().empty()) TEPUI_TRY(run_branches(run, branches));
  return run.finish();
}

Result<RunOutcome> run_intervene(const InterveneRequest& request, const RunProgress& progress) {
  TEPUI_TRY(const auto open, OpenIntervention::open(request));
  if (request.dry_run) return open->plan(progress);
  return open->run({}, {}, progress);
}

}  // namespace tepui
