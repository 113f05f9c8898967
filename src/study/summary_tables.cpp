// SPDX-License-Identifier: MIT
#include "study/summary_tables.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "study/token_table.h"

namespace tepui {

namespace {

template <class Row, class Get>
DataColumn integers(std::string name, const std::vector<Row>& rows, Get get) {
  Integers cells;
  for (const Row& row : rows) cells.push_back(get(row));
  return {std::move(name), std::move(cells)};
}

template <class Row, class Get>
DataColumn reals(std::string name, const std::vector<Row>& rows, Get get) {
  Reals cells;
  for (const Row& row : rows) cells.push_back(get(row));
  return {std::move(name), std::move(cells)};
}

template <class Row, class Get>
DataColumn texts(std::string name, const std::vector<Row>& rows, Get get) {
  Texts cells;
  for (const Row& row : rows) cells.emplace_back(get(row));
  return {std::move(name), std::move(cells)};
}

std::optional<std::int64_t> layer_of(int layer) {
  if (layer == kNoLayer) return std::nullopt;
  return layer;
}

constexpr auto kPointLayer = [](const auto& row) { return layer_of(row.point.layer); };
constexpr auto kPointSite = [](const auto& row) { return std::string(site_name(row.point.site)); };

DataTable layers_table(const ScanSummary& scan) {
  const auto& points = scan.points;
  DataTable table{"layers", {}};
  table.columns.push_back(integers("layer", points, kPointLayer));
  table.columns.push_back(texts("site", points, kPointSite));
  table.columns.push_back(integers("sequences", points, [](const auto& p) { return p.sequences; }));
  table.columns.push_back(reals("median", points, [](const auto& p) { return p.median; }));
  std::size_t ranks = 0;
  std::set<double> fractions;
  for (const PointSummary& point : points) {
    ranks = std::max(ranks, point.top_mean.size());
    for (const QuantileMean& quantile : point.quantiles) fractions.insert(quantile.fraction);
  }
  for (std::size_t rank = 0; rank < ranks; ++rank)
    table.columns.push_back(
        reals(fmt::format("top_{}", rank + 1), points, [rank](const PointSummary& p) {
          return rank < p.top_mean.size() ? std::optional(p.top_mean[rank]) : std::nullopt;
        }));
  table.columns.push_back(
      integers("massive_sequences", points, [](const auto& p) { return p.massive_sequences; }));
  for (const double fraction : fractions)
    table.columns.push_back(
        reals(fmt::format("quantile_{}", fraction), points, [fraction](const PointSummary& p) {
          std::optional<double> mean;
          for (const QuantileMean& quantile : p.quantiles)
            if (quantile.fraction == fraction) mean = quantile.mean;
          return mean;
        }));
  return table;
}

DataTable massive_table(const ScanSummary& scan) {
  const auto& values = scan.massive.values;
  const auto token = [&](const MassiveValue& v) -> const VocabularyRow& {
    return scan.token(v.sequence, v.position);
  };
  return {"massive",
          {integers("layer", values, kPointLayer), texts("site", values, kPointSite),
           integers("sequence", values, [](const auto& v) { return v.sequence; }),
           integers("position", values, [](const auto& v) { return v.position; }),
           integers("channel", values, [](const auto& v) { return v.channel; }),
           reals("value", values, [](const auto& v) { return as_spelled(v.value); }),
           reals("ratio", values, [](const auto& v) { return v.ratio; }),
           integers("token_id", values, [&](const auto& v) { return token(v).token_id; }),
           texts("token", values, [&](const auto& v) { return token(v).bytes; }),
           texts("piece", values, [&](const auto& v) { return token(v).piece; })}};
}

std::string counts_of(const MassiveGroup& group) {
  std::vector<std::string> items;
  for (const auto& [id, count] : group.tokens) items.push_back(fmt::format("{}:{}", id, count));
  return fmt::format("{}", fmt::join(items, " "));
}

DataTable constancy_table(const ScanSummary& scan) {
  const auto& groups = scan.groups;
  return {
      "constancy",
      {integers("layer", groups, kPointLayer), texts("site", groups, kPointSite),
       integers("channel", groups, [](const auto& g) { return g.channel; }),
       texts("token_class", groups, [](const auto& g) { return token_class_name(g.token_class); }),
       integers("count", groups, [](const auto& g) { return g.count; }),
       integers("sequences", groups, [](const auto& g) { return g.sequences; }),
       reals("mean", groups, [](const auto& g) { return g.mean; }),
       reals("deviation", groups, [](const auto& g) { return g.deviation; }),
       reals("ratio", groups, [](const auto& g) { return g.ratio; }),
       texts("tokens", groups, counts_of)}};
}

struct SiteTokenRow {
  Site site;
  TokenRow row;
};

DataTable tokens_table(const ScanSummary& scan) {
  std::set<Site> sites;
  for (const PointSummary& point : scan.points) sites.insert(point.point.site);
  std::vector<SiteTokenRow> rows;
  for (const Site site : sites)
    for (TokenRow& row : token_table(scan, site)) rows.push_back({site, std::move(row)});
  return {"tokens",
          {texts("site", rows, [](const auto& r) { return site_name(r.site); }),
           integers("token_id", rows, [](const auto& r) { return r.row.token_id; }),
           texts("token", rows, [](const auto& r) { return r.row.bytes; }),
           integers("channel", rows, [](const auto& r) { return r.row.channel; }),
           texts("layers", rows,
                 [](const auto& r) { return fmt::format("{}", fmt::join(r.row.layers, " ")); }),
           integers("occurrences", rows, [](const auto& r) { return r.row.occurrences; }),
           integers("carrying", rows, [](const auto& r) { return r.row.carrying; }),
           integers("layer", rows, [](const auto& r) { return layer_of(r.row.layer); }),
           integers("count", rows, [](const auto& r) { return r.row.count; }),
           reals("mean", rows, [](const auto& r) { return r.row.mean; }),
           reals("deviation", rows, [](const auto& r) { return r.row.deviation; })}};
}

}  // namespace

DataTable runs_table(std::span<const RunRecord> runs) {
  const std::vector<RunRecord> all(runs.begin(), runs.end());
  DataTable table{"runs", {}};
  const auto add = [&](const char* name, std::string RunInfo::*member) {
    table.columns.push_back(
        texts(name, all, [&](const RunRecord& run) { return run.info.*member; }));
  };
  add("model", &RunInfo::model);
  add("model_path", &RunInfo::model_path);
  add("model_fingerprint", &RunInfo::model_fingerprint);
  add("tokenizer", &RunInfo::tokenizer);
  add("tokenizer_fingerprint", &RunInfo::tokenizer_fingerprint);
  add("text", &RunInfo::text);
  add("text_fingerprint", &RunInfo::text_fingerprint);
  add("backend", &RunInfo::backend);
  add("device", &RunInfo::device);
  add("detail", &RunInfo::detail);
  add("version", &RunInfo::version);
  add("options", &RunInfo::options);
  table.columns.push_back(texts("started", all, [](const RunRecord& run) { return run.started; }));
  table.columns.push_back(
      texts("finished", all, [](const RunRecord& run) { return run.finished; }));
  return table;
}

std::vector<DataTable> summary_tables(const ScanSummary& scan) {
  return {layers_table(scan), massive_table(scan), constancy_table(scan), tokens_table(scan)};
}

}  // namespace tepui
