// SPDX-License-Identifier: MIT
#include "report/life_chart.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace tepui {

namespace {

constexpr std::size_t kLives = 4;

struct Life {
  int sequence = 0;
  std::int64_t position = 0;
  std::int64_t channel = 0;
  float value = 0;
  Point point;
};

// Of each channel the largest value; massive ones first, then by size.
std::vector<Life> chosen_lives(const ChartSite& site) {
  std::vector<Life> massive;
  std::vector<Life> others;
  for (const MassiveValue& value : site.scan.massive.values)
    if (value.point.site == site.site)
      massive.push_back({value.sequence, value.position, value.channel, value.value, value.point});
  for (const PointSummary* summary : site.points)
    for (const auto* list : {&summary->top, &summary->below})
      for (const TopValue& top : *list)
        others.push_back({top.sequence, top.position, top.channel, top.value, summary->point});
  std::vector<Life> lives;
  for (auto* candidates : {&massive, &others}) {
    std::erase_if(*candidates, [](const Life& life) { return !std::isfinite(life.value); });
    std::stable_sort(candidates->begin(), candidates->end(), [](const Life& a, const Life& b) {
      return std::abs(a.value) > std::abs(b.value);
    });
    for (const Life& life : *candidates) {
      if (lives.size() == kLives) break;
      const bool is_new = std::none_of(lives.begin(), lives.end(), [&](const Life& other) {
        return other.channel == life.channel;
      });
      if (is_new) lives.push_back(life);
    }
  }
  return lives;
}

Result<std::optional<SeriesRow>> series_of(const ChartSite& site, int sequence, Point point,
                                           std::string_view metric, std::int64_t index) {
  TEPUI_TRY(auto rows, site.store.series(sequence, point, metric));
  if (rows.empty()) return std::nullopt;
  SeriesRow& row = rows.front();
  const auto at = static_cast<std::size_t>(index);
  if (at >= row.values.size() || at >= row.indices.size())
    return fail(
        ErrorKind::data, "{}: {} of {}, sequence {}: expected more than {} values, found {}",
        site.store.file().string(), metric, chart_place(point), sequence, index, row.values.size());
  return std::move(row);
}

// What the store tells of one activation at one place.
struct Known {
  std::optional<float> value;
  std::optional<float> bound;  // of |x|
};

void tighten(Known& known, float maximum) {
  const float size = std::abs(maximum);
  if (!known.bound || size < *known.bound) known.bound = size;
}

Result<Known> look_up(const ChartSite& site, const Life& life, Point point,
                      const std::optional<SeriesRow>& channels) {
  Known known;
  const auto at = static_cast<std::size_t>(life.channel);
  if (channels) {
    if (channels->indices[at] == static_cast<std::uint32_t>(life.position))
      known.value = channels->values[at];
    tighten(known, channels->values[at]);
  }
  const auto position = static_cast<std::size_t>(life.position);
  TEPUI_TRY(const auto tokens, series_of(site, life.sequence, point, "token_max", life.position));
  if (tokens) {
    if (tokens->indices[position] == static_cast<std::uint32_t>(life.channel))
      known.value = tokens->values[position];
    tighten(known, tokens->values[position]);
  }
  for (const char* metric : {"top_k", "above"}) {
    TEPUI_TRY(const auto rows, site.store.observations(life.sequence, point, metric));
    for (const ObservationRow& row : rows)
      if (row.position == life.position && row.channel == life.channel) known.value = row.value;
  }
  return known;
}

struct Ordinary {
  ChartJson median = ChartJson::array();
  ChartJson high = ChartJson::array();
  ChartJson largest = ChartJson::array();

  void add(const std::optional<SeriesRow>& channels, std::size_t followed) {
    std::vector<float> sizes;
    if (channels) {
      for (const float value : channels->values) sizes.push_back(std::abs(value));
      if (followed < sizes.size()) sizes[followed] = std::nanf("");
      std::erase_if(sizes, [](float size) { return !std::isfinite(size); });
    }
    std::sort(sizes.begin(), sizes.end());
    const auto quantile = [&](double fraction) {
      if (sizes.empty()) return ChartJson(nullptr);
      return chart_number(
          sizes[static_cast<std::size_t>(fraction * static_cast<double>(sizes.size() - 1))]);
    };
    median.push_back(quantile(0.5));
    high.push_back(quantile(0.99));
    largest.push_back(quantile(1.0));
  }
};

Result<ChartJson> json_of(const ChartSite& site, const Life& life) {
  ChartJson entry;
  entry["sequence"] = life.sequence;
  entry["position"] = life.position;
  entry["channel"] = life.channel;
  entry["token"] = site.token(life.sequence, life.position);
  entry["value"] = chart_float(life.value);
  entry["layer"] = chart_layer(life.point);
  entry["values"] = ChartJson::array();
  entry["bounds"] = ChartJson::array();
  Ordinary ordinary;
  for (const PointSummary* summary : site.points) {
    const Point point = summary->point;
    TEPUI_TRY(const auto channels,
              series_of(site, life.sequence, point, "channel_max", life.channel));
    TEPUI_TRY(const Known known, look_up(site, life, point, channels));
    entry["values"].push_back(known.value ? chart_float(*known.value) : ChartJson(nullptr));
    const bool bounded = !known.value && known.bound;
    entry["bounds"].push_back(bounded ? chart_float(*known.bound) : ChartJson(nullptr));
    ordinary.add(channels, static_cast<std::size_t>(life.channel));
  }
  entry["ordinary"] = {{"median", std::move(ordinary.median)},
                       {"high", std::move(ordinary.high)},
                       {"largest", std::move(ordinary.largest)}};
  return entry;
}

}  // namespace

Result<ChartJson> life_chart(const ChartSite& site) {
  const std::vector<Life> lives = chosen_lives(site);
  ChartJson chart;
  chart["lives"] = ChartJson::array();
  for (const Life& life : lives) {
    TEPUI_TRY(auto entry, json_of(site, life));
    chart["lives"].push_back(std::move(entry));
  }
  return chart;
}

}  // namespace tepui
