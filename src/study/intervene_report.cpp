// SPDX-License-Identifier: MIT
#include "study/intervene_report.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/utf8_text.h"
#include "plan/site_alias.h"
#include "study/json_values.h"
#include "study/stored_rule.h"
#include "study/text_table.h"
#include "study/wording.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;

std::string fixed(double value, int digits) {
  if (!std::isfinite(value)) return "not finite";
  std::string text = fmt::format("{:.{}f}", value, digits);
  return text.find_first_not_of("-0.") == std::string::npos && text.front() == '-' ? text.substr(1)
                                                                                   : text;
}

// Three digits that matter, also below 1; an exact 0 is 0.
std::string share(double value) {
  if (!std::isfinite(value)) return "not finite";
  return value == 0 ? "0" : fmt::format("{:.3g}", value);
}

std::optional<double> mean_at(const InterveneSummary& summary, int branch, Point point,
                              std::string_view metric, int rank) {
  // The rows are in order of branch and place.
  const auto before = [&](const MeanRow& row, const Point& wanted) {
    return row.branch != branch ? row.branch < branch : row.point < wanted;
  };
  auto row = std::lower_bound(summary.means.begin(), summary.means.end(), point, before);
  for (; row != summary.means.end() && row->branch == branch && row->point == point; ++row) {
    if (row->metric == metric && (rank < 0 || row->rank == rank)) return row->mean;
  }
  return std::nullopt;
}

std::vector<Point> points_of(const InterveneSummary& summary) {
  std::vector<Point> points;
  for (const MeanRow& row : summary.means) {
    const bool is_new = points.empty() || row.point != points.back();
    if (row.branch == 0 && is_new) points.push_back(row.point);
  }
  return points;
}

std::string calibration_table(const InterveneSummary& summary, int width) {
  if (summary.calibration.empty()) return "";
  const auto calibration = summary.scored.identity.value("calibration", nlohmann::json::object());
  TextColumn place{"place", Align::left, 0, {}};
  TextColumn channel{"channel", Align::right, 0, {}};
  TextColumn token{"tokens", Align::left, 0, {}};
  TextColumn count{"count", Align::right, 0, {}};
  TextColumn mean{"mean", Align::right, 0, {}};
  TextColumn deviation{"deviation", Align::right, 0, {}};
  for (const CalibrationRow& row : summary.calibration) {
    place.cells.push_back(point_name(row.point));
    channel.cells.push_back(fmt::format("{}", row.channel));
    token.cells.push_back(row.first ? "position 0" : "others");
    count.cells.push_back(fmt::format("{}", row.count));
    mean.cells.push_back(rounded(row.mean));
    deviation.cells.push_back(share(row.deviation));
  }
  return fmt::format("massive activations of {}, from which means are taken\n{}\n",
                     counted(calibration.value("sequences", 0), "sequence"),
                     folded({place, channel, token, count, mean, deviation}, 2, width));
}

std::string text_table(const InterveneSummary& summary, std::size_t text, int width) {
  const auto& branches = summary.scored.branches;
  const Score& own = branches.front().texts[text];
  TextColumn name{"branch", Align::left, 0, {}};
  TextColumn perplexity{"perplexity", Align::right, 0, {}};
  TextColumn kl{"KL", Align::right, 0, {}};
  TextColumn edits{"edits", Align::left, 0, {}};
  for (const BranchScores& branch : branches) {
    const Score& score = branch.texts[text];
    name.cells.push_back(valid_utf8(branch.name));
    perplexity.cells.push_back(fixed(score.perplexity(), 4));
    kl.cells.push_back(fixed(score.mean_kl(), 4));
    edits.cells.push_back(branch.name == branch.edits ? "" : valid_utf8(branch.edits));
  }
  std::vector<TextColumn> columns{name, perplexity, kl};
  const bool any = std::ranges::any_of(edits.cells, [](const auto& cell) { return !cell.empty(); });
  if (any) columns.push_back(edits);
  return fmt::format("{}: {}, {} predicted tokens; KL in nats per position\n{}\n",
                     valid_utf8(own.text), counted(own.sequences, "sequence"), own.tokens,
                     folded(columns, 1, width));
}

std::string change_table(const InterveneSummary& summary, int width) {
  constexpr int kMost = 100;
  const auto& branches = summary.scored.branches;
  TextColumn place{"place", Align::left, 0, {}};
  std::vector<TextColumn> columns;  // of branches
  for (std::size_t i = 1; i < branches.size(); ++i)
    columns.push_back({valid_utf8(branches[i].name), Align::right, 0, {}});
  for (const Point point : points_of(summary)) {
    place.cells.push_back(point_name(point));
    for (std::size_t i = 1; i < branches.size(); ++i) {
      // Before its first edit a branch is the unedited run, and has no change of its own.
      const auto mean = mean_at(summary, static_cast<int>(i), point, "change", 0);
      columns[i - 1].cells.push_back(share(mean.value_or(0)));
    }
  }
  if (place.cells.empty() || columns.empty()) return "";
  columns.insert(columns.begin(), std::move(place));
  return "change: mean over tokens of |x - unedited| / |unedited|\n" +
         folded(columns, 1, std::min(width, kMost));
}

// Branches that no edit changed, as where nothing was massive or above a threshold.
std::string idle_branches(const InterveneSummary& summary) {
  const auto& branches = summary.scored.branches;
  const Score& own = branches.front().all;
  std::string text;
  for (std::size_t i = 1; i < branches.size(); ++i) {
    const Score& score = branches[i].all;
    const bool changed = std::ranges::any_of(summary.means, [&](const MeanRow& row) {
      return row.branch == static_cast<int>(i) && row.metric == "change" && row.mean != 0;
    });
    if (own.sequences > 0 && !changed && score.kl == 0 && score.nll == own.nll)
      text += fmt::format("{}: its edits changed no value\n", valid_utf8(branches[i].name));
  }
  return text.empty() ? "" : "\n" + text;
}

Json score_json(const Score& score) {
  Json entry;
  entry["perplexity"] = number(score.perplexity());
  entry["nll"] = number(score.nll);
  entry["tokens"] = score.tokens;
  entry["kl"] = number(score.mean_kl());
  return entry;
}

Json layers_json(const InterveneSummary& summary, int branch) {
  Json layers = Json::array();
  for (const Point point : points_of(summary)) {
    Json entry;
    entry["layer"] = point.layer == kNoLayer ? Json(nullptr) : Json(point.layer);
    entry["site"] = site_name(point.site);
    const auto put = [&](const char* name, std::string_view metric, int rank) {
      const auto mean = mean_at(summary, branch, point, metric, rank);
      entry[name] = mean ? number(*mean) : number(0.0);
    };
    put("top", "top_k", 0);
    put("median", "quantile", -1);
    put("change", "change", 0);
    put("change_first", "change", 1);
    put("change_others", "change", 2);
    layers.push_back(std::move(entry));
  }
  return layers;
}

Json calibration_json(const InterveneSummary& summary) {
  Json out = Json::array();
  for (const CalibrationRow& row : summary.calibration) {
    Json entry;
    entry["layer"] = row.point.layer == kNoLayer ? Json(nullptr) : Json(row.point.layer);
    entry["site"] = site_name(row.point.site);
    entry["channel"] = row.channel;
    entry["token_class"] = row.first ? "first" : "other";
    entry["count"] = row.count;
    entry["mean"] = number(row.mean);
    entry["deviation"] = number(row.deviation);
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace

Result<InterveneSummary> read_intervention(StoreReader& store) {
  InterveneSummary summary;
  TEPUI_TRY(summary.scored, read_scores(store));
  TEPUI_TRY(summary.calibration, store.calibration());
  TEPUI_TRY(summary.means, store.branch_means());
  return summary;
}

std::string intervene_table(const InterveneSummary& summary, int width) {
  std::string text = calibration_table(summary, width);
  for (std::size_t i = 0; i < summary.scored.branches.front().texts.size(); ++i)
    text += text_table(summary, i, width);
  return text + change_table(summary, width) + idle_branches(summary);
}

Json intervene_json(const InterveneSummary& summary) {
  const ScoredRun& run = summary.scored;
  Json document;
  put_run(document, run.run);
  put_protocol(document, run.identity);
  put_rule(document, stored_rule(run.identity, run.run));
  document["sequences"] = {{"total", run.sequences},
                           {"scored", run.branches.front().all.sequences}};
  document["calibration"] = calibration_json(summary);
  document["branches"] = Json::array();
  for (std::size_t i = 0; i < run.branches.size(); ++i) {
    const BranchScores& branch = run.branches[i];
    Json entry;
    entry["name"] = valid_utf8(branch.name);
    entry["edits"] = valid_utf8(branch.edits);
    entry.update(score_json(branch.all));
    entry["texts"] = Json::array();
    for (const Score& score : branch.texts) {
      Json text;
      text["text"] = valid_utf8(score.text);
      text.update(score_json(score));
      entry["texts"].push_back(std::move(text));
    }
    entry["layers"] = layers_json(summary, static_cast<int>(i));
    document["branches"].push_back(std::move(entry));
  }
  return document;
}

}  // namespace tepui
