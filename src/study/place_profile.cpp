// SPDX-License-Identifier: MIT
#include "study/place_profile.h"

#include <algorithm>
#include <cmath>

namespace tepui {

namespace {

// NaN counts as larger than everything, as in the selections.
bool is_larger(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && !std::isnan(b);
  return std::abs(a) > std::abs(b);
}

void take_series(const SeriesRow& series, int sequence, std::vector<Peak>& peaks) {
  peaks.resize(std::max(peaks.size(), series.values.size()));
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    Peak& peak = peaks[i];
    if (peak.sequence >= 0 && !is_larger(series.values[i], peak.value)) continue;
    peak = {series.values[i], sequence,
            i < series.indices.size() ? std::int64_t{series.indices[i]} : -1};
  }
}

// The place where the most is to be seen: the largest massive value, or the largest of all.
struct Place {
  int sequence = 0;
  std::int64_t channel = 0;
};

std::optional<Place> largest_place(const ScanSummary& scan, Site site,
                                   std::optional<int> sequence) {
  std::optional<Place> found;
  float size = 0;
  const auto consider = [&](int in, std::int64_t channel, float value) {
    if ((sequence && in != *sequence) || !(std::abs(value) > size)) return;
    size = std::abs(value);
    found = Place{in, channel};
  };
  for (const MassiveValue& value : scan.massive.values)
    if (value.point.site == site) consider(value.sequence, value.channel, value.value);
  if (found) return found;
  for (const PointSummary& point : scan.points)
    if (point.point.site == site)
      for (const TopValue& value : point.top) consider(value.sequence, value.channel, value.value);
  return found;
}

double lower_median(std::vector<float>& sizes) {
  if (sizes.empty()) return 0;
  const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>((sizes.size() - 1) / 2);
  std::ranges::nth_element(sizes, middle);
  return *middle;
}

LifePoint life_point(const SeriesRow& series, std::size_t channel) {
  LifePoint point;
  point.value = series.values[channel];
  point.position = channel < series.indices.size() ? series.indices[channel] : -1;
  std::vector<float> others;
  for (std::size_t i = 0; i < series.values.size(); ++i)
    if (i != channel) others.push_back(std::abs(series.values[i]));
  point.others = lower_median(others);
  if (!others.empty()) point.largest_other = *std::ranges::max_element(others);
  return point;
}

Result<std::optional<SeriesRow>> channel_max(StoreReader& store, int sequence, Point point) {
  TEPUI_TRY(auto all, store.series(sequence, point));
  const auto found = std::ranges::find(all, "channel_max", &SeriesRow::metric);
  if (found == all.end()) return std::nullopt;
  return std::optional(std::move(*found));
}

double median_of(const std::vector<ObservationRow>& quantiles) {
  for (const ObservationRow& row : quantiles)
    if (row.parameter == 0.5) return row.value;
  return 0;
}

}  // namespace

Result<std::vector<PlaceProfile>> place_profiles(StoreReader& store, const ScanSummary& scan,
                                                 Site site) {
  std::vector<PlaceProfile> profiles;
  for (const PointSummary& point : scan.points) {
    if (point.point.site != site) continue;
    PlaceProfile profile{point.point, {}, {}};
    for (const int sequence : scan.finished) {
      TEPUI_TRY(const auto all, store.series(sequence, point.point));
      for (const SeriesRow& series : all) {
        if (series.metric == "channel_max") take_series(series, sequence, profile.channels);
        if (series.metric == "token_max") take_series(series, sequence, profile.positions);
      }
    }
    profiles.push_back(std::move(profile));
  }
  return profiles;
}

Result<std::optional<ChannelLife>> channel_life(StoreReader& store, const ScanSummary& scan,
                                                Site site, std::optional<int> sequence,
                                                std::optional<std::int64_t> channel) {
  if (sequence && !std::ranges::binary_search(scan.finished, *sequence))
    return fail(ErrorKind::usage, "--sequence {}: expected one of the {} scanned sequences",
                *sequence, scan.finished.size());
  const auto largest = largest_place(scan, site, sequence);
  if (!largest) return std::nullopt;
  ChannelLife life;
  life.sequence = sequence.value_or(largest->sequence);
  life.channel = channel.value_or(largest->channel);
  for (const PointSummary& point : scan.points) {
    if (point.point.site != site) continue;
    TEPUI_TRY(const auto series, channel_max(store, life.sequence, point.point));
    if (!series) continue;
    const auto width = static_cast<std::int64_t>(series->values.size());
    if (life.channel < 0 || life.channel >= width)
      return fail(ErrorKind::usage, "--channel {}: {} has the channels 0 to {}", life.channel,
                  site_name(site), width - 1);
    LifePoint at = life_point(*series, static_cast<std::size_t>(life.channel));
    at.point = point.point;
    TEPUI_TRY(const auto quantiles, store.observations(life.sequence, point.point, "quantile"));
    at.median = median_of(quantiles);
    life.points.push_back(at);
  }
  if (life.points.empty()) return std::nullopt;
  return life;
}

}  // namespace tepui
