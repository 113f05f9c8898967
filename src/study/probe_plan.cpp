// SPDX-License-Identifier: MIT
#include "study/probe_plan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/hash.h"
#include "base/utf8_text.h"
#include "models/site_width.h"
#include "study/perplexity.h"
#include "study/run_store.h"

namespace tepui {

namespace {

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string one(text.substr(0, end));
    if (std::ranges::find(out, one) == out.end()) out.push_back(one);
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
  }
}

Result<std::vector<int>> parse_channel_list(const std::string& text, int width) {
  std::vector<int> out;
  if (text.empty()) return out;
  for (const std::string& one : split_list(text)) {
    int channel = -1;
    const auto read = std::from_chars(one.data(), one.data() + one.size(), channel);
    if (read.ec != std::errc() || read.ptr != one.data() + one.size() || channel < 0 ||
        channel >= width)
      return fail(ErrorKind::usage,
                  "--massive-channels {}: expected channels below {} with commas between them",
                  valid_utf8(text), width);
    out.push_back(channel);
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

bool ProbePlan::wants(std::string_view target) const {
  return std::ranges::find(targets, target) != targets.end();
}

bool ProbePlan::needs_massive() const {
  return std::ranges::any_of(features, &FeatureSpec::needs_massive);
}

Result<ProbePlan> plan_probes(const ProbeRequest& request, const ModelSpec& spec) {
  ProbePlan plan;
  TEPUI_TRY(const SiteSelection sites,
            SiteSelection::parse(request.sites, spec, "--site", request.layers));
  plan.points = sites.points();
  plan.targets = split_list(request.targets);
  for (const std::string& target : plan.targets) {
    const auto kinds = probe_target_kinds();
    if (std::ranges::find(kinds, target, &TargetKind::name) == kinds.end()) {
      std::vector<std::string_view> names;
      for (const TargetKind& one : kinds) names.push_back(one.name);
      return fail(ErrorKind::usage, "--target {}: expected some of {}", valid_utf8(target),
                  fmt::join(names, ", "));
    }
  }
  // Without that target the file says which store it is that goes on.
  if (plan.wants("labels") && request.labels.empty())
    return fail(ErrorKind::usage, "--target labels: expected --labels FILE beside it, found none");
  for (const std::string& one : split_list(request.features)) {
    TEPUI_TRY(const FeatureSpec features, parse_features(one, "--features"));
    if (std::ranges::find(plan.features, features) == plan.features.end())
      plan.features.push_back(features);
  }
  TEPUI_TRY(plan.kinds, parse_probes(request.probes, request.sparse, "--probe"));
  for (const Point point : plan.points) {
    const int width = *site_width(spec, point.site);
    for (const ProbeKind& kind : plan.kinds)
      if (kind.type == ProbeKind::Type::sparse && kind.count > width)
        return fail(ErrorKind::usage, "--channels {}: expected at most the {} of {}, found more",
                    kind.count, width, site_name(point.site));
  }
  TEPUI_TRY(plan.massive_channels, parse_channel_list(request.massive_channels, spec.dims.width));
  for (const Point point : plan.points) {
    if (plan.needs_massive() && site_width(spec, point.site) != spec.dims.width)
      return fail(ErrorKind::usage,
                  "--site {}: the massive channels are those of the residual stream: expected "
                  "sites of its width {}, found {}",
                  site_name(point.site), spec.dims.width, *site_width(spec, point.site));
  }
  return plan;
}

nlohmann::json probe_identity(const ProbeRequest& request, const ScanInput& opened,
                              const TokenTags& tags) {
  const ProbeSettings& settings = request.settings;
  std::string labels;
  for (const std::string& tag : tags) labels += tag + "\n";
  nlohmann::json identity = input_identity(opened);
  identity.update({{"kind", "probe"},
                   {"protocol", protocol_of(request.corpus, opened.context)},
                   {"rule", {request.rule.min_abs, request.rule.min_ratio}},
                   {"massive_channels", request.massive_channels},
                   {"training", request.training},
                   {"labels", hash_hex(labels)},
                   {"lambdas", settings.lambdas},
                   {"seeds", settings.seeds},
                   {"folds", settings.folds},
                   {"balanced", settings.balanced},
                   {"tolerance", settings.fit.solver.tolerance},
                   {"iterations", settings.fit.solver.most_iterations},
                   {"hidden", settings.fit.hidden},
                   {"epochs", settings.fit.most_epochs},
                   {"ranking", ranking_name(settings.fit.ranking)},
                   {"controls",
                    {settings.controls.random_labels, settings.controls.control_task,
                     settings.controls.online_code}}});
  return identity;
}

DoneProbes done_probes(std::span<const ProbeRow> rows) {
  DoneProbes done;
  for (const ProbeRow& row : rows)
    done.emplace(row.model, row.target, row.point, row.features, row.probe);
  return done;
}

std::vector<PlannedProbe> pending_probes(const ProbePlan& plan, const std::vector<bool>& real,
                                         Point point, const std::string& model,
                                         const DoneProbes& done) {
  std::vector<PlannedProbe> out;
  for (std::size_t t = 0; t < plan.targets.size(); ++t)
    for (const FeatureSpec& features : plan.features)
      for (const ProbeKind& kind : plan.kinds)
        if (kind.takes(real[t]) &&
            !done.contains({model, plan.targets[t], point, features.name(), kind.name()}))
          out.push_back({model, t, features, kind});
  return out;
}

Status check_kinds(const ProbePlan& plan, const std::vector<bool>& real) {
  for (std::size_t t = 0; t < plan.targets.size(); ++t)
    if (std::ranges::none_of(plan.kinds,
                             [&](const ProbeKind& kind) { return kind.takes(real[t]); }))
      return fail(ErrorKind::usage, "--target {}: is {}: expected a probe for those, such as {}",
                  plan.targets[t], real[t] ? "a value" : "of classes",
                  real[t] ? "ridge, mlp1" : "linear, mlp1");
  return {};
}

}  // namespace tepui
