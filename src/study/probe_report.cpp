// SPDX-License-Identifier: MIT
#include "study/probe_report.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/utf8_text.h"
#include "study/json_values.h"
#include "study/stored_rule.h"
#include "study/text_table.h"

namespace tepui {

namespace {

using Json = nlohmann::ordered_json;
using SummaryRows = std::span<const ProbeSummaryRow>;

std::string place_of(Point point) {
  return site_has_layer(point.site) ? fmt::format("{}.{}", site_name(point.site), point.layer)
                                    : std::string(site_name(point.site));
}

std::string fixed(double value, int digits) {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits);
}

std::string with_deviation(const SeedMean& one, int digits, Letters letters) {
  if (one.seeds == 0) return "-";
  std::string text = fixed(one.mean, digits);
  if (one.seeds > 1)
    text += fmt::format(" {} {}", letters == Letters::unicode ? "\u00b1" : "+-",
                        fixed(one.deviation, digits));
  return text;
}

std::string chance(double p) {
  if (std::isnan(p)) return "-";
  return p < 0.001 ? fmt::format("{:.1e}", p) : fmt::format("{:.3f}", p);
}

// Of one target, features and probe over places.
std::string group_table(SummaryRows rows, Letters letters, int width) {
  const ProbeSummaryRow& first = rows.front();
  const bool real = first.real();
  const bool one_site = std::ranges::all_of(rows, [&](const ProbeSummaryRow& row) {
    return row.point.site == first.point.site && site_has_layer(row.point.site);
  });
  std::vector<TextColumn> columns;
  const auto add = [&](const std::string& title, int keep, const auto& cell) {
    TextColumn column{title, Align::right, keep, {}};
    for (const ProbeSummaryRow& row : rows) column.cells.push_back(cell(row));
    if (std::ranges::any_of(column.cells, [](const std::string& text) { return text != "-"; }))
      columns.push_back(std::move(column));
  };
  add(one_site ? "layer" : "place", 20, [&](const ProbeSummaryRow& row) {
    return one_site ? fmt::format("{}", row.point.layer) : place_of(row.point);
  });
  const auto mean = [&](const char* metric, int digits) {
    return [=](const ProbeSummaryRow& row) { return fixed(row.number(metric).mean, digits); };
  };
  add(first.headline(), 19, [&](const ProbeSummaryRow& row) {
    return with_deviation(row.number(row.headline()), 3, letters);
  });
  add(real ? "mean alone" : "majority", 18, mean("majority", 3));
  add("selectivity", 17, [&](const ProbeSummaryRow& row) {
    return with_deviation(row.number("selectivity"), 3, letters);
  });
  add("random model", 16,
      [&](const ProbeSummaryRow& row) { return fixed(row.of_random(row.headline()).mean, 3); });
  add("compression", 15, mean("compression", 2));
  add("of control", 12, mean("control_compression", 2));
  add("bal. acc.", 10, mean("balanced_accuracy", 3));
  add("F1", 11, mean("f1", 3));
  add("MCC", 14, mean("mcc", 3));
  add("AUC", 9, mean("roc_auc", 3));
  add("random labels", 8, mean("random_labels", 3));
  add("FDR", 13, [](const ProbeSummaryRow& row) { return chance(row.false_discovery_rate); });
  add("channels", 7, [](const ProbeSummaryRow& row) -> std::string {
    if (row.channels.empty()) return "-";
    constexpr std::size_t kMost = 8;
    const auto shown = std::span(row.channels).first(std::min(kMost, row.channels.size()));
    return fmt::format("{}{}", fmt::join(shown, ","),
                       shown.size() < row.channels.size() ? ",.." : "");
  });
  return put_together(fitted(std::move(columns), width));
}

// Rows of one group stand together.
template <class Body>
void for_each_group(const ProbeSummary& summary, const Body& body) {
  const auto& rows = summary.rows;
  for (std::size_t begin = 0; begin < rows.size();) {
    std::size_t end = begin;
    while (end < rows.size() && rows[end].target == rows[begin].target &&
           rows[end].features == rows[begin].features && rows[end].probe == rows[begin].probe)
      ++end;
    body(SummaryRows(rows).subspan(begin, end - begin));
    begin = end;
  }
}

Json mean_json(const SeedMean& one) {
  if (one.seeds == 0) return nullptr;
  return {{"mean", number(one.mean)}, {"deviation", number(one.deviation)}};
}

Json means_json(const std::map<std::string, SeedMean>& means) {
  Json out = Json::object();
  for (const auto& [metric, one] : means) out[metric] = mean_json(one);
  return out;
}

}  // namespace

std::string probe_table(const ProbeSummary& summary, Letters letters, int columns) {
  if (summary.rows.empty()) return "no probe is there yet\n";
  std::string text;
  int unfinished = 0;
  int solved = 0;
  for_each_group(summary, [&](SummaryRows rows) {
    const ProbeSummaryRow& first = rows.front();
    const bool one_site = std::ranges::all_of(
        rows, [&](const ProbeSummaryRow& row) { return row.point.site == first.point.site; });
    text += fmt::format("{}{}: {} probe, {} features{}\n", text.empty() ? "" : "\n",
                        valid_utf8(first.target), first.probe, first.features,
                        one_site ? fmt::format(", {}", site_name(first.point.site)) : "");
    text += group_table(rows, letters, columns);
    for (const ProbeSummaryRow& row : rows) {
      unfinished += row.unfinished();
      solved += row.number("converged").seeds;
    }
  });
  text += "\n" +
          wrapped(fmt::format("Means of {} {} of {} sequences (deviation over them), each "
                              "scored on {} of the sequences, whole ones.",
                              summary.seeds, summary.seeds == 1 ? "split" : "splits",
                              summary.sequences, fmt::format("1/{}", summary.folds)),
                  columns) +
          "\n";
  if (unfinished > 0)
    text += wrapped(fmt::format("{} of {} solutions did not reach the tolerance: see converged and "
                                "gradient_norm in --json.",
                                unfinished, solved),
                    columns) +
            "\n";
  return text;
}

std::string probe_finding(const ProbeSummary& summary) {
  std::string text;
  for (std::size_t begin = 0; begin < summary.rows.size();) {
    std::size_t end = begin;
    const ProbeSummaryRow* best = nullptr;
    const auto score = [](const ProbeSummaryRow& row) { return row.number(row.headline()).mean; };
    while (end < summary.rows.size() && summary.rows[end].target == summary.rows[begin].target) {
      const ProbeSummaryRow& row = summary.rows[end++];
      if (!std::isnan(score(row)) && (best == nullptr || score(row) > score(*best))) best = &row;
    }
    begin = end;
    if (best == nullptr) continue;
    if (!text.empty()) text += "\n";
    text += fmt::format("{}: best at {} ({}, {}): {} {:.3f}", valid_utf8(best->target),
                        place_of(best->point), best->probe, best->features, best->headline(),
                        score(*best));
    const double majority = best->number("majority").mean;
    if (!std::isnan(majority)) text += fmt::format(", without it {:.3f}", majority);
    const double selectivity = best->number("selectivity").mean;
    if (!std::isnan(selectivity)) text += fmt::format(", selectivity {:.3f}", selectivity);
    const double random = best->of_random(best->headline()).mean;
    if (!std::isnan(random)) text += fmt::format(", of a random model {:.3f}", random);
    text += ".";
  }
  return text;
}

nlohmann::ordered_json probe_json(const ProbeSummary& summary) {
  Json document;
  put_run(document, summary.run);
  put_protocol(document, summary.identity);
  put_rule(document, stored_rule(summary.identity, summary.run));
  document["sequences"] = summary.sequences;
  document["seeds"] = summary.seeds;
  document["folds"] = summary.folds;
  document["finding"] = probe_finding(summary);
  document["probes"] = Json::array();
  for (const ProbeSummaryRow& row : summary.rows) {
    Json entry;
    entry["target"] = valid_utf8(row.target);
    entry["site"] = site_name(row.point.site);
    entry["layer"] = site_has_layer(row.point.site) ? Json(row.point.layer) : Json(nullptr);
    entry["features"] = row.features;
    entry["probe"] = row.probe;
    entry["p_value"] = number(row.p_value);
    entry["false_discovery_rate"] = number(row.false_discovery_rate);
    if (!row.channels.empty()) entry["channels"] = row.channels;
    entry["numbers"] = means_json(row.numbers);
    entry["random_model"] = means_json(row.random);
    document["probes"].push_back(std::move(entry));
  }
  return document;
}

}  // namespace tepui
