// SPDX-License-Identifier: MIT
#include "study/finding.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "study/site_finding.h"

namespace tepui {

namespace {

std::string place(Point point) {
  const std::string site(site_name(point.site));
  return point.layer == kNoLayer ? site : fmt::format("{} of layer {}", site, point.layer);
}

void tell_gaps(const ScanSummary& scan, std::vector<std::string>& lines) {
  const std::string part = so_far(scan.finished.size(), scan.sequences.size(), "scanned");
  if (!part.empty()) lines.push_back(part);
  if (!scan.not_finite.empty()) {
    const NotFinite& first = scan.not_finite.front();
    const auto count = static_cast<std::int64_t>(scan.not_finite.size());
    lines.push_back(
        fmt::format("{} not finite and {} not judged; the first is {} at {}, sequence {}{}.",
                    count == 1 ? "1 number is" : fmt::format("{} numbers are", count),
                    count == 1 ? "its place is" : "their places are", first.value,
                    place(first.point), first.sequence,
                    first.position < 0
                        ? ""
                        : fmt::format(", position {}, channel {}", first.position, first.channel)));
  }
  if (!scan.massive.cuts.empty()) {
    const CutList& first = scan.massive.cuts.front();
    const auto count = scan.massive.cuts.size();
    lines.push_back(fmt::format(
        "The list of large values was cut short in {} (the first: {} of {} at {}, sequence {}), so "
        "the counts of massive activations there are lower bounds.",
        count == 1 ? "1 place" : fmt::format("{} places", count), first.listed, first.count,
        place(first.point), first.sequence));
  }
}

// Sites in the order in which a layer computes them, those without layers where they belong.
std::vector<Site> scanned_sites(const ScanSummary& scan) {
  std::set<Site> sites;
  for (const PointSummary& point : scan.points) sites.insert(point.point.site);
  return {sites.begin(), sites.end()};
}

bool has_massive(const ScanSummary& scan, Site site) {
  return std::any_of(scan.points.begin(), scan.points.end(), [&](const PointSummary& point) {
    return point.point.site == site && point.massive_sequences > 0;
  });
}

// Beside a finding elsewhere, a site without massive activations needs few words.
std::string none_there(const ScanSummary& scan, const std::vector<Site>& sites) {
  std::vector<std::string> words;
  for (const Site site : sites) {
    double ratio = 0;
    for (const PointSummary& point : scan.points)
      if (point.point.site == site && point.steepest)
        ratio = std::max(ratio, std::abs(point.steepest->value) / point.steepest->median);
    words.push_back(
        fmt::format("{} (at most {} times the median)", site_name(site), rounded(ratio)));
  }
  return fmt::format("None in {}.", listed(words));
}

}  // namespace

std::string finding(const ScanSummary& scan, Letters letters) {
  std::vector<std::string> lines;
  tell_gaps(scan, lines);
  if (scan.points.empty())
    lines.push_back(scan.finished.empty() ? "Nothing has been scanned yet."
                    : scan.command == "perplexity"
                        ? "No activations were measured: this run is about predictions alone."
                        : fmt::format("Nothing that a rule judges was kept: this is a run of "
                                      "tepui {}.",
                                      scan.command));
  std::vector<Site> told;
  std::vector<Site> without;
  for (const Site site : scanned_sites(scan))
    (has_massive(scan, site) ? told : without).push_back(site);
  const bool anywhere = !told.empty();
  // What most studies look at comes first.
  std::stable_partition(told.begin(), told.end(),
                        [](Site site) { return site == Site::resid_post; });
  for (const Site site : anywhere ? told : without) {
    const auto sentences = site_finding(scan, site, letters);
    lines.insert(lines.end(), sentences.begin(), sentences.end());
  }
  if (anywhere && !without.empty()) lines.push_back(none_there(scan, without));
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace tepui
