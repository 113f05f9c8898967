// SPDX-License-Identifier: MIT
#include "study/attention.h"

#include <algorithm>
#include <charconv>

#include "base/hash.h"
#include "base/utf8_text.h"
#include "models/site_width.h"
#include "study/massive_tokens.h"
#include "study/perplexity.h"
#include "study/run_store.h"

namespace tepui {

namespace {

using nlohmann::json;

constexpr std::string_view kMassiveTokens = "massive";

// What everything after the input needs.
struct AttentionPlan {
  const AttentionRequest& request;
  const ScanInput& opened;
  ThreadPool& pool;
  AttentionMetricOptions metrics;
  std::vector<int> tokens;  // where they were asked for
  std::vector<std::vector<TokenId>> calibration_text;
  std::vector<BranchSpec> specs;

  bool looks_for_massive() const { return request.tokens == kMassiveTokens; }
};

// "0", "0,4-6": positions, ascending.
Result<std::vector<int>> parse_tokens(std::string_view text) {
  std::vector<int> positions;
  const auto wrong = [&] {
    return fail(ErrorKind::usage,
                "--tokens {}: expected massive, or up to {} positions such as 0 or 0,4-6",
                valid_utf8(text), kMostMarked);
  };
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (;;) {
    int first = 0;
    auto read = std::from_chars(at, end, first);
    if (read.ec != std::errc() || first < 0) return wrong();
    int last = first;
    if (read.ptr != end && *read.ptr == '-') {
      read = std::from_chars(read.ptr + 1, end, last);
      if (read.ec != std::errc() || last < first || last - first >= kMostMarked) return wrong();
    }
    for (int position = first; position <= last; ++position) positions.push_back(position);
    if (read.ptr == end) break;
    if (*read.ptr != ',') return wrong();
    at = read.ptr + 1;
  }
  std::ranges::sort(positions);
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  if (positions.size() > kMostMarked) return wrong();
  return positions;
}

Result<AttentionPlan> make_plan(const AttentionRequest& request, const ScanInput& opened,
                                ThreadPool& pool) {
  AttentionPlan plan{request, opened, pool, {}, {}, {}, {}};
  plan.metrics.early = request.early;
  plan.metrics.map_sequences = request.map_sequences;
  plan.metrics.map_tokens = request.map_tokens;
  for (const std::string& map : request.maps) {
    TEPUI_TRY(const auto parsed, parse_map(map, opened.model.spec, "--map"));
    plan.metrics.maps.push_back(parsed);
  }
  if (!plan.looks_for_massive()) {
    TEPUI_TRY(plan.tokens, parse_tokens(request.tokens));
    const std::size_t longest = longest_of(opened.sequences);
    if (static_cast<std::size_t>(plan.tokens.front()) >= longest)
      return fail(
          ErrorKind::usage,
          "--tokens {}: expected positions of the text, found sequences of at most {} tokens",
          request.tokens, longest);
  }
  TEPUI_TRY(plan.specs, parse_branches(request.branches, opened.model.spec, "--edit"));
  TEPUI_TRY(check_positions(plan.specs, longest_of(opened.sequences)));
  if (!calibration_sites(plan.specs).empty()) {
    TEPUI_TRY(plan.calibration_text,
              calibration_sequences(request.calibration, request.corpus, opened));
  }
  return plan;
}

json identity_of(const AttentionPlan& plan) {
  const AttentionRequest& request = plan.request;
  json branches = json::array();
  for (const BranchSpec& branch : plan.specs)
    branches.push_back({{"name", branch.name}, {"edits", branch.text()}});
  json maps = json::array();
  for (const auto& map : plan.metrics.maps) maps.push_back({map.layer, map.head});
  std::string ids;
  for (const auto& sequence : plan.calibration_text) {
    for (const TokenId id : sequence) ids += fmt::format("{} ", id);
    ids += "\n";
  }
  json identity = input_identity(plan.opened);
  identity.update(
      {{"kind", "attention"},
       {"protocol", protocol_of(request.corpus, plan.opened.context)},
       {"branches", branches},
       {"rule", {request.rule.min_abs, request.rule.min_ratio}},
       {"tokens", plan.looks_for_massive() ? json(request.tokens) : json(plan.tokens)},
       {"early", request.early},
       {"maps", maps},
       {"map_sequences", request.map_sequences},
       {"map_tokens", request.map_tokens},
       {"calibration", {{"ids", hash_hex(ids)}, {"sequences", plan.calibration_text.size()}}}});
  return identity;
}

SiteSelection sites_of(const AttentionPlan& plan) {
  const ModelSpec& spec = plan.opened.model.spec;
  std::vector<Point> points;
  for (int layer = 0; layer < spec.dims.layers; ++layer) {
    points.push_back({layer, Site::attn_probs});
    for (const Site site : {Site::resid_pre, Site::attn_in, Site::q, Site::k, Site::v}) {
      if (site_width(spec, site)) points.push_back({layer, site});
    }
  }
  for (const auto& map : plan.metrics.maps) points.push_back({map.layer, Site::attn_scores});
  return SiteSelection::of(std::move(points));
}

// What is computed of these tokens. The schedule must outlive it.
class AttentionPass {
 public:
  AttentionPass(const AttentionPlan& plan, const Schedule& schedule, TokenMarks marks)
      : schedule_(schedule),
        sites_(sites_of(plan)),
        marks_(std::move(marks)),
        metrics_(attention_metrics(plan.metrics, marks_)) {}
  AttentionPass(const AttentionPass&) = delete;
  AttentionPass& operator=(const AttentionPass&) = delete;

  RunWork work() const { return {schedule_, sites_, metrics_}; }

 private:
  const Schedule& schedule_;
  SiteSelection sites_;
  TokenMarks marks_;
  std::vector<std::unique_ptr<Metric>> metrics_;
};

// A plan looks at the first sequences alone: each is taken to have as many as any has.
TokenMarks widest_marks(const TokenMarks& marks) {
  std::vector<int> most;
  for (const std::vector<int>& own : marks)
    if (own.size() > most.size()) most = own;
  return TokenMarks(marks.size(), most);
}

// Before anything is known of massive activations: every first token is taken to hold one.
TokenMarks expected_marks(const AttentionPlan& plan) {
  return TokenMarks(plan.opened.sequences.size(),
                    plan.looks_for_massive() ? std::vector{0} : plan.tokens);
}

Result<double> calibration_time(const AttentionPlan& plan, const Speed& speed) {
  TEPUI_TRY(const SiteSelection sites,
            SiteSelection::parse(calibration_sites(plan.specs), plan.opened.model.spec));
  TEPUI_TRY(const Schedule unedited, make_schedule({}, plan.opened.model.spec.dims.layers));
  const auto metrics = calibration_metrics({});
  const RunWork work{unedited, sites, metrics};
  TEPUI_TRY(const RunPlan own,
            RunPlan::make(plan.request, plan.opened, work, plan.calibration_text));
  return own.expected(speed).seconds();
}

// What a dry run prints.
Result<RunOutcome> plan_of_attention(const AttentionPlan& plan, const RunProgress& progress) {
  const ScanInput& opened = plan.opened;
  TEPUI_TRY(const PlannedBranches planned, plan_branches(plan.specs, opened.model.spec));
  progress.tell(opened.notes);
  if (planned.all_layers && progress.note) progress.note(kAllLayersNote);
  TEPUI_TRY(const Schedule schedule,
            make_schedule(planned.branches, opened.model.spec.dims.layers));
  const AttentionPass pass(plan, schedule, expected_marks(plan));
  TEPUI_TRY(const RunPlan own, RunPlan::make(plan.request, opened, pass.work(), opened.sequences));
  TEPUI_TRY(const Speed speed, own.measure(plan.pool));
  RunOutcome outcome;
  outcome.sequences = static_cast<int>(opened.sequences.size());
  outcome.plan = own.text(speed);
  if (plan.looks_for_massive()) {
    TEPUI_TRY(const MassivePass before, MassivePass::make(opened.model.spec, plan.request.rule));
    TEPUI_TRY(const std::string line, before.text(plan.request, opened, speed));
    outcome.plan += line;
  }
  if (!calibration_sites(plan.specs).empty()) {
    TEPUI_TRY(const double seconds, calibration_time(plan, speed));
    outcome.plan += calibration_line(plan.calibration_text, seconds);
  }
  return outcome;
}

// Whether there is memory for all of it, before the first of it is computed.
Status check_memory(const AttentionPlan& plan, const RunStore& run) {
  TEPUI_TRY(const PlannedBranches planned, plan_branches(plan.specs, plan.opened.model.spec));
  TEPUI_TRY(const Schedule schedule,
            make_schedule(planned.branches, plan.opened.model.spec.dims.layers));
  const AttentionPass pass(plan, schedule, expected_marks(plan));
  const auto pending = pending_sequences(plan.opened, run.pending());
  TEPUI_TRY(RunPlan::make(plan.request, plan.opened, pass.work(), pending));
  return {};
}

// Means and layers: those that the store's results were made with, or new ones.
Result<Calibration> calibration_of(AttentionPlan& plan, RunStore& run,
                                   const RunProgress& progress) {
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
  TEPUI_TRY(found, calibrate_branches(plan.specs, plan.calibration_text, plan.request, plan.opened,
                                      plan.pool, plan.request.rule, {run.folder(), run.identity()},
                                      progress));
  TEPUI_TRY(plan.specs, with_layers(plan.specs, found));
  return found;
}

Status measure(AttentionPlan& plan, RunStore& run, std::span<const Branch> branches,
               const RunProgress& progress) {
  const ScanInput& opened = plan.opened;
  const AttentionRequest& request = plan.request;
  const StateKeeping keeping = massive_keeping(run.folder(), run.identity());
  MassiveActivations massive;
  TokenMarks marks(opened.sequences.size(), plan.tokens);
  if (plan.looks_for_massive()) {
    if (progress.stage) progress.stage("massive tokens");
    TEPUI_TRY(massive, find_massive(request, opened, plan.pool, request.rule, run.pending(),
                                    keeping, progress.advance));
    marks = marks_of(massive);
  }
  if (progress.stage) progress.stage("attention");
  TEPUI_TRY(const Schedule schedule, make_schedule(branches, opened.model.spec.dims.layers));
  const AttentionPass planned(plan, schedule, widest_marks(marks));
  const auto pending = pending_sequences(opened, run.pending());
  TEPUI_TRY(const RunPlan division, RunPlan::make(request, opened, planned.work(), pending));
  ExecOptions options = division.options(run.folder(), run.identity());
  options.massive = request.rule;
  const AttentionPass pass(plan, schedule, marks);
  const RunWork work = pass.work();
  MassiveRows sink(run.writer(), massive);
  Executor executor(*opened.backend, opened.model, plan.pool, options, work.metrics);
  TEPUI_TRY(executor.run(opened.sequences, run.pending(), work.sites, sink, run.on_progress(), {},
                         {}, &schedule));
  forget_massive(keeping);
  return {};
}

}  // namespace

Result<AttentionMetricOptions::Map> parse_map(std::string_view text, const ModelSpec& spec,
                                              std::string_view option) {
  const int layers = spec.dims.layers;
  const int heads = spec.dims.heads;
  AttentionMetricOptions::Map map{0, AttentionMetricOptions::kAllHeads};
  const char* const end = text.data() + text.size();
  auto read = std::from_chars(text.data(), end, map.layer);
  bool good = read.ec == std::errc() && map.layer >= 0 && map.layer < layers;
  if (good && read.ptr != end) {
    good = *read.ptr == '.';
    if (good) {
      read = std::from_chars(read.ptr + 1, end, map.head);
      good = read.ec == std::errc() && read.ptr == end && map.head >= 0 && map.head < heads;
    }
  }
  if (good) return map;
  return fail(ErrorKind::usage,
              "{} {}: expected LAYER.HEAD, or LAYER for the mean over its heads, of {} layers with "
              "{} heads, counted from 0",
              option, valid_utf8(text), layers, heads);
}

Result<RunOutcome> run_attention(const AttentionRequest& request, const RunProgress& progress) {
  ThreadPool pool(request.threads > 0 ? request.threads : ThreadPool::hardware_threads());
  TEPUI_TRY(const ScanInput opened, open_scan_input(request, pool));
  TEPUI_TRY(AttentionPlan plan, make_plan(request, opened, pool));
  if (request.dry_run) return plan_of_attention(plan, progress);
  TEPUI_TRY(RunStore run,
            RunStore::open(request, opened, "attention", identity_of(plan), progress));
  if (!run.pending().empty()) TEPUI_TRY(check_memory(plan, run));
  TEPUI_TRY(const Calibration calibration, calibration_of(plan, run, progress));
  std::vector<std::string> notes;
  TEPUI_TRY(const auto branches, ready_branches(plan.specs, opened.model.spec, calibration, notes));
  progress.tell(notes);
  progress.tell(notes_of_idle_edits(plan.specs, opened.sequences));
  std::vector<BranchRow> rows{{std::string(kUnedited), ""}};
  for (const BranchSpec& spec : plan.specs) rows.push_back({spec.name, spec.text()});
  TEPUI_TRY(run.writer().write_branches(rows, calibration.means));
  if (!run.pending().empty()) TEPUI_TRY(measure(plan, run, branches, progress));
  return run.finish();
}

}  // namespace tepui
