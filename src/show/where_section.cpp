// SPDX-License-Identifier: MIT
// Where the largest values sit: layer x channel and layer x position.
#include <algorithm>
#include <cmath>
#include <map>

#include "show/heat_rows.h"
#include "show/sections.h"
#include "study/text_table.h"

namespace tepui {

namespace {

constexpr int kTokenColumns = 16;

// Channels or positions: both are drawn the same way.
struct Axis {
  const char* name;   // "channel"
  const char* other;  // "position"
  std::vector<Peak> PlaceProfile::*peaks;
  bool is_channel;
};
constexpr Axis kChannels = {"channel", "position", &PlaceProfile::channels, true};
constexpr Axis kPositions = {"position", "channel", &PlaceProfile::positions, false};

bool is_larger(const Peak& a, const Peak& b) { return std::abs(a.value) > std::abs(b.value); }

std::size_t largest(const std::vector<Peak>& peaks) {
  return static_cast<std::size_t>(
      std::max_element(peaks.begin(), peaks.end(),
                       [](const Peak& a, const Peak& b) { return is_larger(b, a); }) -
      peaks.begin());
}

std::string heat(const std::vector<PlaceProfile>& profiles, const Axis& axis, const Style& style) {
  std::vector<HeatRow> rows;
  std::size_t places = 0;
  for (const PlaceProfile& profile : profiles) {
    const auto& peaks = profile.*axis.peaks;
    HeatRow row{layer_label(profile.point), {}, ""};
    for (const Peak& peak : peaks) row.sizes.push_back(std::abs(peak.value));
    if (!peaks.empty()) row.note = fmt::format("{}", largest(peaks));
    places = std::max(places, peaks.size());
    rows.push_back(std::move(row));
  }
  const HeatRows drawn = heat_rows(rows, style);
  if (drawn.text.empty()) return {};
  std::string about = fmt::format(
      "Layer x {}: largest |x| over the sequences, log scale from {} to "
      "{}; behind a row, its largest {}",
      axis.name, rounded(drawn.least), rounded(drawn.most), axis.name);
  if (drawn.places_per_column > 1)
    about += fmt::format("; a column holds {} {}s and shows their largest", drawn.places_per_column,
                         axis.name);
  return wrapped(about + "\n", style.columns) + drawn.text;
}

// A channel's or position's peak over the layers.
struct Best {
  std::size_t place = 0;
  Peak peak;
  Point point;
};

std::vector<Best> best_places(const std::vector<PlaceProfile>& profiles, const Axis& axis,
                              std::size_t count) {
  std::map<std::size_t, Best> best;
  for (const PlaceProfile& profile : profiles) {
    const auto& peaks = profile.*axis.peaks;
    for (std::size_t place = 0; place < peaks.size(); ++place) {
      const auto [entry, is_new] =
          best.try_emplace(place, Best{place, peaks[place], profile.point});
      if (!is_new && is_larger(peaks[place], entry->second.peak))
        entry->second = {place, peaks[place], profile.point};
    }
  }
  std::vector<Best> sorted;
  for (const auto& [place, entry] : best) sorted.push_back(entry);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Best& a, const Best& b) { return is_larger(a.peak, b.peak); });
  sorted.resize(std::min(sorted.size(), count));
  return sorted;
}

std::string massive_layers(const ScanSummary& scan, Site site, const Axis& axis,
                           std::size_t place) {
  std::vector<std::int64_t> layers;
  for (const MassiveValue& value : scan.massive.values) {
    const std::int64_t at = axis.is_channel ? value.channel : value.position;
    if (value.point.site != site || at != static_cast<std::int64_t>(place)) continue;
    if (layers.empty() || layers.back() != value.point.layer) layers.push_back(value.point.layer);
  }
  return layers.empty() ? "-" : ranges(layers);
}

std::string list(const ScanSummary& scan, Site site, const std::vector<PlaceProfile>& profiles,
                 const Axis& axis, const Style& style) {
  TextColumn place{axis.name, Align::right, 9, {}};
  TextColumn value{"largest", Align::right, 8, {}};
  TextColumn layer{"layer", Align::right, 7, {}};
  TextColumn sequence{"seq.", Align::right, 2, {}};
  TextColumn other{axis.other, Align::right, 4, {}};
  TextColumn token{"token", Align::left, 5, {}};
  TextColumn massive{"massive in layers", Align::left, 6, {}};
  const auto count = static_cast<std::size_t>(std::max(1, scan.options.top));
  for (const Best& best : best_places(profiles, axis, count)) {
    const std::int64_t position =
        axis.is_channel ? best.peak.at : static_cast<std::int64_t>(best.place);
    place.cells.push_back(fmt::format("{}", best.place));
    value.cells.push_back(rounded(best.peak.value));
    layer.cells.push_back(layer_label(best.point));
    sequence.cells.push_back(fmt::format("{}", best.peak.sequence));
    other.cells.push_back(fmt::format("{}", best.peak.at));
    token.cells.push_back(
        quoted(scan.token(best.peak.sequence, position).bytes, style.letters, kTokenColumns));
    massive.cells.push_back(massive_layers(scan, site, axis, best.place));
  }
  return put_together(
      fitted({place, value, layer, sequence, other, token, massive}, style.columns));
}

}  // namespace

std::string where_section(const ScanSummary& scan, Site site,
                          const std::vector<PlaceProfile>& profiles, Parts parts,
                          const Style& style) {
  std::string body;
  for (const Axis& axis : {kChannels, kPositions}) {
    const bool any = std::ranges::any_of(
        profiles, [&](const PlaceProfile& profile) { return !(profile.*axis.peaks).empty(); });
    if (!any) continue;
    if (!body.empty()) body += "\n";
    if (parts.tables) body += list(scan, site, profiles, axis, style);
    if (parts.tables && parts.charts) body += "\n";
    if (parts.charts) body += heat(profiles, axis, style);
  }
  if (body.empty()) return {};
  return heading(fmt::format("Where the largest values of {} sit", site_name(site)), "", style) +
         body;
}

}  // namespace tepui
