// SPDX-License-Identifier: MIT
#include "report/chart_value.h"

#include <charconv>
#include <cmath>

namespace tepui {

namespace {

// Decimals as a JSON number.
ChartJson parsed(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr double kExactIntegers = 9.0e15;
  if (std::trunc(value) == value && std::abs(value) < kExactIntegers)
    return static_cast<std::int64_t>(value);
  return value;
}

}  // namespace

ChartJson chart_number(double value, int digits) {
  return std::isfinite(value) ? parsed(fmt::format("{:.{}g}", value, digits)) : ChartJson(nullptr);
}

ChartJson chart_float(float value) {
  return std::isfinite(value) ? parsed(fmt::format("{}", value)) : ChartJson(nullptr);
}

ChartJson chart_layer(Point point) {
  if (point.layer == kNoLayer) return nullptr;
  return point.layer;
}

ChartJson ChartSite::token(int sequence, std::int64_t position) const {
  if (sequence < 0 || static_cast<std::size_t>(sequence) >= scan.sequences.size()) return nullptr;
  const auto& ids = scan.sequences[static_cast<std::size_t>(sequence)].tokens;
  if (position < 0 || static_cast<std::size_t>(position) >= ids.size()) return nullptr;
  const std::int32_t id = ids[static_cast<std::size_t>(position)];
  tokens.insert(id);
  return id;
}

std::string chart_place(Point point) {
  return point.layer == kNoLayer ? std::string(site_name(point.site))
                                 : fmt::format("layer {}", point.layer);
}

}  // namespace tepui
