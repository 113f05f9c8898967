// SPDX-License-Identifier: MIT
#include "report/report_data.h"

#include <algorithm>

#include "base/utf8_text.h"
#include "report/attention_chart.h"
#include "report/branches_chart.h"
#include "report/curves_chart.h"
#include "report/life_chart.h"
#include "report/origin_chart.h"
#include "report/places_chart.h"
#include "report/probe_chart.h"
#include "report/run_facts.h"
#include "report/surface_chart.h"
#include "report/tokens_chart.h"
#include "report/words_chart.h"
#include "study/finding.h"
#include "study/origin_report.h"
#include "study/probe_report.h"
#include "study/wording.h"

namespace tepui {

namespace {

// The part of a budget that one layer of one site of one run may use.
std::size_t share(std::size_t whole, std::size_t parts, std::size_t least, std::size_t most) {
  return std::clamp(whole / std::max<std::size_t>(parts, 1), least, most);
}

std::size_t surface_sequences(const ReportSource& source) {
  const auto found = source.identity.find("surface");
  if (found == source.identity.end() || !found->is_number_unsigned()) return 1;
  return std::min(found->get<std::size_t>(), source.scan.finished.size());
}

std::vector<Site> sites_of(const ScanSummary& scan) {
  std::set<Site> sites;
  for (const PointSummary& point : scan.points) sites.insert(point.point.site);
  return {sites.begin(), sites.end()};
}

struct Shares {
  std::size_t places = 0;
  std::size_t token_rows = 0;
  std::size_t words = 0;
  std::size_t map_cells = 0;
  SurfaceBudget surfaces;
};

Shares shares_of(const ReportSource& source, std::size_t runs, const ReportBudget& budget) {
  const std::size_t places = source.scan.points.size() * runs;
  const std::size_t sites = sites_of(source.scan).size() * runs;
  const std::size_t surfaces = std::min(places * surface_sequences(source), budget.surfaces);
  Shares shares;
  shares.places = share(budget.places, places * 2, 4, 512);
  shares.token_rows = share(budget.token_rows, places, 3, 30);
  shares.words = budget.words / runs;
  shares.map_cells = budget.cells / std::max<std::size_t>(runs, 1);
  shares.surfaces.places = share(budget.surfaces, sites, 1, budget.surfaces);
  shares.surfaces.cells = share(budget.cells, surfaces, 64, budget.cells);
  return shares;
}

Result<ChartJson> site_json(ChartSite& site, const Shares& shares) {
  ChartJson json;
  json["site"] = site_name(site.site);
  json["layers"] = nullptr;
  if (site_has_layer(site.site)) {
    json["layers"] = ChartJson::array();
    for (const PointSummary* point : site.points) json["layers"].push_back(point->point.layer);
  }
  json["curves"] = curves_chart(site);
  json["quantiles"] = quantiles_chart(site);
  TEPUI_TRY(json["places"], places_chart(site, shares.places));
  TEPUI_TRY(json["tokens"], tokens_chart(site, shares.token_rows));
  TEPUI_TRY(json["life"], life_chart(site));
  TEPUI_TRY(json["surfaces"], surface_chart(site, shares.surfaces));
  return json;
}

ChartJson token_texts(const ScanSummary& scan, const std::set<std::int32_t>& used) {
  ChartJson texts = ChartJson::object();
  for (const std::int32_t id : used) {
    const auto found = scan.vocabulary.find(id);
    if (found == scan.vocabulary.end()) continue;
    texts[std::to_string(id)] = {{"text", quoted(found->second.bytes, Letters::unicode)},
                                 {"piece", quoted(found->second.piece, Letters::unicode)}};
  }
  return texts;
}

ChartJson surface_texts(const ScanSummary& scan, const ChartJson& sites) {
  ChartJson sequences = ChartJson::object();
  for (const ChartJson& site : sites)
    for (const ChartJson& surface : site["surfaces"]["all"]) {
      const auto sequence = surface["sequence"].get<std::size_t>();
      sequences[std::to_string(sequence)] = scan.sequences[sequence].tokens;
    }
  return sequences;
}

Result<ChartJson> run_json(ReportSource& source, const std::string& label, const Shares& shares) {
  const ScanSummary& scan = source.scan;
  ChartJson run;
  run["label"] = label;
  run["folder"] = valid_utf8(source.folder);
  run["command"] = valid_utf8(command_of(scan.run));
  run["finding"] = valid_utf8(source.attention ? attention_finding(*source.attention)
                              : source.origin  ? origin_finding(*source.origin)
                              : source.probes  ? probe_finding(*source.probes)
                                               : finding(scan));
  run["rule"] = {{"min_abs", chart_number(scan.options.rule.min_abs)},
                 {"min_ratio", chart_number(scan.options.rule.min_ratio)}};
  run["notes"] = run_notes(source);
  run["facts"] = run_facts(source);
  std::set<std::int32_t> used;
  ChartJson sites = ChartJson::array();
  for (const Site name : sites_of(scan)) {
    ChartSite site{source.store, scan, name, {}, used};
    for (const PointSummary& point : scan.points)
      if (point.point.site == name) site.points.push_back(&point);
    TEPUI_TRY(auto json, site_json(site, shares));
    sites.push_back(std::move(json));
  }
  TEPUI_TRY(auto branches, branches_chart(source.store));
  if (!branches.is_null()) run["branches"] = std::move(branches);
  TEPUI_TRY(auto words, words_chart(source.store, shares.words));
  if (!words.is_null()) run["words"] = std::move(words);
  if (source.attention) {
    TEPUI_TRY(run["attention"],
              attention_chart(source.store, *source.attention, shares.map_cells, used));
  }
  if (source.origin) run["origin"] = origin_chart(*source.origin, used);
  if (source.probes) run["probes"] = probe_chart(*source.probes);
  run["tokens"] = token_texts(scan, used);
  run["sequences"] = surface_texts(scan, sites);
  run["sites"] = std::move(sites);
  return run;
}

}  // namespace

Result<ChartJson> report_data(std::vector<ReportSource>& sources, const ReportBudget& budget,
                              const std::vector<ChartJson>& others) {
  ChartJson data;
  data["format"] = 1;
  data["runs"] = ChartJson::array();
  const std::vector<std::string> labels = source_labels(sources);
  for (std::size_t at = 0; at < sources.size(); ++at) {
    TEPUI_TRY(auto run,
              run_json(sources[at], labels[at], shares_of(sources[at], sources.size(), budget)));
    data["runs"].push_back(std::move(run));
  }
  for (const ChartJson& run : others) data["runs"].push_back(run);
  return data;
}

}  // namespace tepui
