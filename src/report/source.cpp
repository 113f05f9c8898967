// SPDX-License-Identifier: MIT
#include "report/source.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>

#include "base/utf8_text.h"
#include "study/stored_rule.h"

namespace tepui {

namespace {

// File names without their folders, as they are listed in a run.
std::string short_text(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(", ", begin), text.size());
    names.push_back(
        valid_utf8(std::filesystem::path(text.substr(begin, end - begin)).filename().string()));
    begin = end + 2;
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string isa_of(const ReportSource& source) {
  const auto found = source.identity.find("isa");
  return found != source.identity.end() && found->is_string() ? found->get<std::string>() : "";
}

using Facet = std::function<std::string(const ReportSource&)>;

// Facets in the order in which a reader thinks of them.
const std::vector<Facet>& facets() {
  static const std::vector<Facet> kFacets = {
      [](const ReportSource& s) { return short_text(s.scan.run.text); },
      [](const ReportSource& s) { return bos_of(s.scan); },
      [](const ReportSource& s) { return valid_utf8(s.scan.run.backend); },
      [](const ReportSource& s) { return valid_utf8(isa_of(s)); },
      [](const ReportSource& s) { return valid_utf8(s.scan.run.version); },
  };
  return kFacets;
}

bool all_differ(const std::vector<std::string>& labels) {
  return std::set<std::string>(labels.begin(), labels.end()).size() == labels.size();
}

}  // namespace

std::string bos_of(const ScanSummary& scan) {
  const auto with = std::count_if(scan.sequences.begin(), scan.sequences.end(),
                                  [](const SequenceRow& row) { return row.has_bos; });
  if (with == 0) return "without BOS";
  return static_cast<std::size_t>(with) == scan.sequences.size() ? "with BOS" : "some with BOS";
}

Result<ReportSource> open_report_source(const std::string& folder, const MassiveRule& rule) {
  TEPUI_TRY(StoreReader store, StoreReader::open(folder));
  ReportSource source{folder, std::move(store), {}, {}, {}, {}, {}, {}};
  TEPUI_TRY(source.identity, source.store.identity());
  TEPUI_TRY(source.runs, source.store.runs());
  SummaryOptions options;
  // What attention, origin and probes told apart by a rule cannot be told apart by another.
  const bool judged =
      is_attention(source.identity) || is_origin(source.identity) || is_probe(source.identity);
  options.rule = judged ? stored_rule(source.identity, source.runs.back().info) : rule;
  TEPUI_TRY(source.scan, summarise(source.store, options));
  if (is_attention(source.identity)) {
    TEPUI_TRY(source.attention, summarise_attention(source.store, {}));
    source.scan.points.clear();
  }
  if (is_origin(source.identity)) {
    TEPUI_TRY(source.origin, summarise_origin(source.store));
    source.scan.points.clear();
  }
  if (is_probe(source.identity)) {
    TEPUI_TRY(source.probes, summarise_probes(source.store));
  }
  return source;
}

std::vector<std::string> source_labels(const std::vector<ReportSource>& sources) {
  std::vector<std::string> labels;
  for (const ReportSource& source : sources) labels.push_back(valid_utf8(source.scan.run.model));
  for (const Facet& facet : facets()) {
    std::set<std::string> values;
    for (const ReportSource& source : sources) values.insert(facet(source));
    if (values.size() == 1) continue;
    for (std::size_t at = 0; at < sources.size(); ++at) labels[at] += ", " + facet(sources[at]);
  }
  if (all_differ(labels)) return labels;
  for (std::size_t at = 0; at < sources.size(); ++at)
    labels[at] += ", " + valid_utf8(sources[at].folder);
  for (std::size_t at = 0; !all_differ(labels) && at < sources.size(); ++at)
    labels[at] += fmt::format(" ({})", at + 1);
  return labels;
}

}  // namespace tepui
