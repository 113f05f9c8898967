// SPDX-License-Identifier: MIT
#include "report/branches_chart.h"

#include <algorithm>
#include <map>

#include "base/utf8_text.h"
#include "study/scores.h"
#include "study/wording.h"

namespace tepui {

namespace {

constexpr std::string_view kChange = "change";

ChartJson branch_json(const BranchScores& branch) {
  ChartJson json;
  json["name"] = valid_utf8(branch.name);
  json["edits"] = valid_utf8(branch.edits);
  json["sequences"] = branch.all.sequences;
  json["tokens"] = branch.all.tokens;
  json["nll"] = chart_number(branch.all.nll, 9);
  json["perplexity"] = chart_number(branch.all.perplexity());
  json["kl"] = chart_number(branch.all.mean_kl());
  return json;
}

ChartJson texts_json(const ScoredRun& scored) {
  ChartJson texts = ChartJson::array();
  const std::size_t count = scored.branches.front().texts.size();
  for (std::size_t at = 0; count > 1 && at < count; ++at) {
    ChartJson text;
    text["text"] = valid_utf8(scored.branches.front().texts[at].text);
    text["perplexity"] = ChartJson::array();
    text["kl"] = ChartJson::array();
    for (const BranchScores& branch : scored.branches) {
      text["perplexity"].push_back(chart_number(branch.texts[at].perplexity()));
      text["kl"].push_back(chart_number(branch.texts[at].mean_kl()));
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

// By site its places, in order of computation.
std::map<Site, std::vector<Point>> measured_sites(const std::vector<MeanRow>& means) {
  std::map<Site, std::vector<Point>> sites;
  for (const MeanRow& row : means) {
    if (row.metric != kChange || row.rank != 0) continue;
    std::vector<Point>& points = sites[row.point.site];
    const auto at = std::lower_bound(points.begin(), points.end(), row.point);
    if (at == points.end() || *at != row.point) points.insert(at, row.point);
  }
  return sites;
}

ChartJson changes_json(const std::vector<MeanRow>& means, std::size_t branches) {
  ChartJson all = ChartJson::array();
  for (const auto& [site, points] : measured_sites(means)) {
    ChartJson json;
    json["site"] = site_name(site);
    json["layers"] = nullptr;
    if (site_has_layer(site)) {
      json["layers"] = ChartJson::array();
      for (const Point point : points) json["layers"].push_back(point.layer);
    }
    json["branches"] = ChartJson::array();
    for (std::size_t branch = 1; branch < branches; ++branch) {
      // Before its first edit a branch is the unedited run.
      std::vector<double> values(points.size(), 0.0);
      for (const MeanRow& row : means) {
        if (row.branch != static_cast<int>(branch) || row.metric != kChange || row.rank != 0)
          continue;
        const auto at = std::lower_bound(points.begin(), points.end(), row.point);
        if (at != points.end() && *at == row.point)
          values[static_cast<std::size_t>(at - points.begin())] = row.mean;
      }
      ChartJson line = ChartJson::array();
      for (const double value : values) line.push_back(chart_number(value, 4));
      json["branches"].push_back(std::move(line));
    }
    all.push_back(std::move(json));
  }
  return all;
}

std::string see(const ScoredRun& scored) {
  const BranchScores& own = scored.branches.front();
  std::string text =
      fmt::format("Perplexity {} over {} predicted tokens of {}", rounded(own.all.perplexity()),
                  own.all.tokens, counted(own.all.sequences, "sequence"));
  const BranchScores* worst = nullptr;
  for (const BranchScores& branch : scored.branches) {
    const bool more = worst == nullptr || !(branch.all.perplexity() <= worst->all.perplexity());
    if (&branch != &own && more) worst = &branch;
  }
  if (worst == nullptr) return text + ".";
  return text +
         fmt::format("; of {}, \"{}\" costs most: {}.",
                     counted(static_cast<std::int64_t>(scored.branches.size()) - 1, "edited run"),
                     valid_utf8(worst->name), rounded(worst->all.perplexity()));
}

}  // namespace

Result<ChartJson> branches_chart(StoreReader& store) {
  TEPUI_TRY(const auto likelihoods, store.likelihoods());
  if (likelihoods.empty()) return ChartJson(nullptr);
  TEPUI_TRY(const ScoredRun scored, read_scores(store));
  TEPUI_TRY(const auto means, store.branch_means());
  ChartJson json;
  json["see"] = see(scored);
  json["branches"] = ChartJson::array();
  for (const BranchScores& branch : scored.branches)
    json["branches"].push_back(branch_json(branch));
  json["texts"] = texts_json(scored);
  json["changes"] = changes_json(means, scored.branches.size());
  return json;
}

}  // namespace tepui
