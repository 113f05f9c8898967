// SPDX-License-Identifier: MIT
#include "show/log_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tepui {

namespace {

std::string power_label(int power) {
  if (power >= 0 && power <= 4) return fmt::format("{}", std::lround(std::pow(10, power)));
  if (power < 0 && power >= -2) return fmt::format("{:.{}f}", std::pow(10, power), -power);
  return fmt::format("1e{}", power);
}

}  // namespace

void LogAxis::include(double value) {
  if (!std::isfinite(value) || !(value > 0)) return;
  low_ = empty() ? value : std::min(low_, value);
  high_ = std::max(high_, value);
}

int LogAxis::first_power() const { return static_cast<int>(std::floor(std::log10(low_))); }

int LogAxis::last_power() const {
  return std::max(first_power() + 1, static_cast<int>(std::ceil(std::log10(high_))));
}

std::optional<int> LogAxis::at(double value) const {
  if (empty() || !std::isfinite(value) || !(value > 0)) return std::nullopt;
  const double share = (std::log10(value) - first_power()) / (last_power() - first_power());
  return std::clamp(static_cast<int>(std::lround(share * (columns_ - 1))), 0, columns_ - 1);
}

std::string LogAxis::ruler() const {
  std::string text;
  if (empty()) return text;
  for (int power = first_power(); power <= last_power(); ++power) {
    const std::string label = power_label(power);
    const auto column = static_cast<std::size_t>(*at(std::pow(10, power)));
    if (!text.empty() && column < text.size() + 1) continue;
    if (column + label.size() > static_cast<std::size_t>(columns_)) continue;
    text.resize(column, ' ');
    text += label;
  }
  return text;
}

}  // namespace tepui
