// SPDX-License-Identifier: MIT
#include "study/massive.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace tepui {

namespace {

std::string place_name(const PlaceRows& place) {
  if (place.point.layer == kNoLayer)
    return fmt::format("{} of sequence {}", site_name(place.point.site), place.sequence);
  return fmt::format("{} of layer {}, sequence {}", site_name(place.point.site), place.point.layer,
                     place.sequence);
}

// Whether `above` was kept down to the rule's threshold.
Status kept_enough(const PlaceRows& place, const MassiveRule& rule,
                   std::optional<double> keep_floor) {
  const double wanted = std::max(rule.min_abs, rule.min_ratio * place.median);
  const auto kept = place.median > 0 && place.keep_ratio
                        ? std::optional(*place.keep_ratio * place.median)
                        : keep_floor;
  if (place.keep_ratio && kept && *kept <= wanted) return {};
  const std::string was_kept = place.keep_ratio && kept ? fmt::format("values above {:.6g}", *kept)
                                                        : std::string("fewer than that");
  return fail(ErrorKind::usage,
              "{}: the rule asks for all values above {:.6g}, but the run kept {} there; this rule "
              "needs a new run with {}",
              place_name(place), wanted, was_kept,
              place.median > 0 ? fmt::format("--keep-ratio {:.6g} or less", rule.min_ratio)
                               : fmt::format("a keep_floor of {:.6g} or less", rule.min_abs));
}

}  // namespace

bool passes(const MassiveRule& rule, double value, double median) {
  const double size = std::abs(value);
  return size > rule.min_abs && size > rule.min_ratio * median;
}

Result<std::optional<PlaceRows>> read_place(StoreReader& store, int sequence, Point point) {
  TEPUI_TRY(auto rows, store.observations(sequence, point));
  if (rows.empty()) return std::nullopt;
  PlaceRows place;
  place.point = point;
  place.sequence = sequence;
  bool has_median = false;
  for (ObservationRow& row : rows) {
    if (row.metric == "top_k") {
      place.top.push_back(std::move(row));
    } else if (row.metric == "quantile") {
      if (row.parameter == 0.5) {
        place.median = row.value;
        has_median = true;
      }
      place.quantiles.push_back(std::move(row));
    } else if (row.metric == "above") {
      place.above.push_back(std::move(row));
    } else if (row.metric == "above_count") {
      place.above_count = static_cast<std::int64_t>(row.value);
      place.keep_ratio = row.parameter;
    }
  }
  if (place.top.empty() && place.quantiles.empty()) return std::nullopt;
  if (!has_median || place.top.empty())
    return fail(ErrorKind::data, "{}: {}: expected rows of metric {}, found none",
                store.file().string(), place_name(place),
                has_median ? "top_k" : "quantile with parameter 0.5");
  return place;
}

Status judge(const PlaceRows& place, const MassiveRule& rule, std::optional<double> keep_floor,
             MassiveReport& report) {
  const auto finite = [](const ObservationRow& row) { return std::isfinite(row.value); };
  if (!std::isfinite(place.median) || !std::all_of(place.top.begin(), place.top.end(), finite))
    return {};
  if (!passes(rule, place.top.front().value, place.median)) return {};
  // If the last of the top-k fails, then the top-k hold all that pass, whatever else was kept.
  if (passes(rule, place.top.back().value, place.median)) {
    TEPUI_TRY(kept_enough(place, rule, keep_floor));
    const auto listed = static_cast<std::int64_t>(place.above.size());
    if (listed < place.above_count)
      report.cuts.push_back({place.point, place.sequence, listed, place.above_count});
  }
  std::map<std::pair<std::int64_t, std::int64_t>, float> found;
  for (const auto* rows : {&place.above, &place.top})
    for (const ObservationRow& row : *rows)
      if (passes(rule, row.value, place.median)) found[{row.position, row.channel}] = row.value;
  for (const auto& [where, value] : found) {
    MassiveValue massive{place.point, place.sequence, where.first, where.second, value, {}};
    if (place.median != 0) massive.ratio = std::abs(double{value}) / place.median;
    report.values.push_back(massive);
  }
  return {};
}

}  // namespace tepui
