// SPDX-License-Identifier: MIT
#include "report/run_facts.h"

#include <fmt/ranges.h>

#include <set>

#include "base/utf8_text.h"
#include "study/wording.h"

namespace tepui {

namespace {

std::string sequences_of(const ScanSummary& scan) {
  std::int64_t tokens = 0;
  std::set<std::size_t> lengths;
  for (const int sequence : scan.finished) {
    const std::size_t length = scan.sequences[static_cast<std::size_t>(sequence)].tokens.size();
    tokens += static_cast<std::int64_t>(length);
    lengths.insert(length);
  }
  std::string text = fmt::format("{} of {} scanned, {}, {}", scan.finished.size(),
                                 scan.sequences.size(), counted(tokens, "token"), bos_of(scan));
  if (lengths.size() == 1)
    text += fmt::format(", {} each", counted(static_cast<std::int64_t>(*lengths.begin()), "token"));
  if (lengths.size() > 1)
    text += fmt::format(", {} to {} tokens each", *lengths.begin(), *lengths.rbegin());
  return text;
}

std::string site_names(const ScanSummary& scan) {
  std::vector<std::string> names;
  std::set<Site> seen;
  for (const PointSummary& point : scan.points)
    if (seen.insert(point.point.site).second) names.emplace_back(site_name(point.point.site));
  return fmt::format("{}", fmt::join(names, ", "));
}

// What determines the results, one a line; what other facts tell is left out.
std::string settings_of(const nlohmann::json& identity) {
  std::string text;
  for (const auto& [name, value] : identity.items()) {
    if (name == "model" || name == "tokenizer" || name == "text" || name == "version") continue;
    std::string shown = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    if (name == "sites" && value.is_array())
      shown = counted(static_cast<std::int64_t>(value.size()), "place");
    text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", name, shown);
  }
  return text;
}

std::string joined(const std::string& text, const std::string& more) {
  return more.empty() ? text : text.empty() ? more : text + " (" + more + ")";
}

constexpr std::size_t kShownRuns = 3;

// Of a run that went on often, or was only read again, the first and the last.
std::vector<RunRecord> shown_runs(const std::vector<RunRecord>& runs) {
  if (runs.size() <= kShownRuns) return runs;
  return {runs.front(), runs.back()};
}

std::string time_of(const RunRecord& record) {
  return record.started +
         (record.finished.empty() ? " (was interrupted or still runs)" : " to " + record.finished);
}

}  // namespace

std::string command_of(const RunInfo& run) {
  const auto options = nlohmann::json::parse(run.options, nullptr, false);
  if (!options.is_object()) return "";
  const auto found = options.find("command");
  return found != options.end() && found->is_string() ? found->get<std::string>() : "";
}

ChartJson run_facts(const ReportSource& source) {
  const ScanSummary& scan = source.scan;
  const RunInfo& run = scan.run;
  ChartJson facts = ChartJson::array();
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) facts.push_back({{"name", name}, {"value", valid_utf8(value)}});
  };
  add("Model", joined(run.model, run.model_path));
  add("Model fingerprint", run.model_fingerprint);
  add("Tokenizer", joined(run.tokenizer, run.tokenizer_fingerprint));
  add("Text", run.text);
  add("Text fingerprint", run.text_fingerprint);
  add("Sequences", sequences_of(scan));
  add("Sites", site_names(scan));
  if (scan.command != "perplexity")
    add("Massive",
        fmt::format("|x| > {} and |x| > {} × median of |x| of the sequence there",
                    rounded(scan.options.rule.min_abs), rounded(scan.options.rule.min_ratio)));
  add("Backend", joined(run.backend, run.detail));
  add("Device", run.device);
  add("Version", "tepui " + run.version);
  for (const RunRecord& record : shown_runs(source.runs)) add("Time", time_of(record));
  if (source.runs.size() > kShownRuns)
    add("Runs", fmt::format("{}, of which the first and the last are shown", source.runs.size()));
  add("Store", source.folder);
  add("Settings", settings_of(source.identity));
  return facts;
}

std::vector<std::string> run_notes(const ReportSource& source) {
  const ScanSummary& scan = source.scan;
  std::vector<std::string> notes;
  if (scan.finished.size() < scan.sequences.size())
    notes.push_back(fmt::format("Unfinished: {} of {} sequences are scanned.", scan.finished.size(),
                                scan.sequences.size()));
  if (!scan.not_finite.empty())
    notes.push_back(fmt::format(
        "{} not finite; they are left out of the charts, and their places "
        "are not judged.",
        scan.not_finite.size() == 1 ? std::string("1 number is")
                                    : fmt::format("{} numbers are", scan.not_finite.size())));
  if (!scan.massive.cuts.empty())
    notes.push_back(
        fmt::format("The list of large values was cut short at {}; counts of massive "
                    "values there are lower bounds.",
                    counted(static_cast<std::int64_t>(scan.massive.cuts.size()), "place")));
  return notes;
}

}  // namespace tepui
