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
  ExecOptions options;
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
  AttentionPlan plan{request, opened, pool, exec_options(request, opened), {}, {}, {}, {}};
  plan.options.massive = request.rule;
  plan.metrics.early = request.early;
  plan.metrics.map_sequences = request.map_sequences;
  plan.metrics.map_tokens = request.map_tokens;
  for (const std::string& map : request.maps) {
    TEPUI_TRY(const auto parsed, parse_map(map, opened.model.spec, "--map"));
    plan.metrics.maps.push_back(parsed);
  }
  if (!plan.looks_for_massive()) {
    TEPUI_TRY(plan.tokens, parse_tokens(request.tokens));
    std::size_t longest = 0;
    for (const auto& ids : opened.sequences) longest = std::max(longest, ids.size());
    if (static_cast<std::size_t>(plan.tokens.front()) >= longest)
      return fail(
          ErrorKind::usage,
          "--tokens {}: expected positions of the text, found sequences of at most {} tokens",
          request.tokens, longest);
  }
  TEPUI_TRY(plan.specs, parse_branches(request.branches, opened.model.spec, "--edit"));
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
  const std::string sites = calibration_sites(plan.specs);
  if (!sites.empty()) {
    TEPUI_TRY(const SiteSelection selected, SiteSelection::parse(sites, plan.opened.model.spec));
    if (progress.stage) progress.stage("calibration");
    TEPUI_TRY(found, calibrate(*plan.opened.backend, plan.opened.model, plan.pool, plan.options,
                               plan.calibration_text, selected, progress.advance));
  }
  TEPUI_TRY(plan.specs, with_layers(plan.specs, found));
  return found;
}

Status measure(AttentionPlan& plan, RunStore& run, std::span<const Branch> branches,
               const RunProgress& progress) {
  const ScanInput& opened = plan.opened;
  MassiveActivations massive;
  TokenMarks marks(opened.sequences.size(), plan.tokens);
  if (plan.looks_for_massive()) {
    if (progress.stage) progress.stage("massive tokens");
    TEPUI_TRY(massive, find_massive(*opened.backend, opened.model, plan.pool, plan.options,
                                    opened.sequences, run.pending(), progress.advance));
    marks = marks_of(massive);
  }
  if (progress.stage) progress.stage("attention");
  TEPUI_TRY(const Schedule schedule, make_schedule(branches, opened.model.spec.dims.layers));
  const auto metrics = attention_metrics(plan.metrics, marks);
  MassiveRows sink(run.writer(), massive);
  Executor executor(*opened.backend, opened.model, plan.pool, plan.options, metrics);
  return executor.run(opened.sequences, run.pending(), sites_of(plan), sink, run.on_progress(), {},
                      {}, &schedule);
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
  TEPUI_TRY(RunStore run,
            RunStore::open(request, opened, "attention", identity_of(plan), progress));
  TEPUI_TRY(const Calibration calibration, calibration_of(plan, run, progress));
  std::vector<std::string> notes;
  TEPUI_TRY(const auto branches, ready_branches(plan.specs, opened.model.spec, calibration, notes));
  for (const std::string& note : notes) {
    if (progress.note) progress.note(note);
  }
  std::vector<BranchRow> rows{{std::string(kUnedited), ""}};
  for (const BranchSpec& spec : plan.specs) rows.push_back({spec.name, spec.text()});
  TEPUI_TRY(run.writer().write_branches(rows, calibration.means));
  if (!run.pending().empty()) TEPUI_TRY(measure(plan, run, branches, progress));
  return run.finish();
}

}  // namespace tepui
