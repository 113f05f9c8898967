// SPDX-License-Identifier: MIT
#include "train/weight_statistics.h"

#include <algorithm>
#include <cmath>

namespace tepui {

WeightStatistics weight_statistics(std::span<const float> values) {
  const auto count = static_cast<double>(std::max<std::size_t>(values.size(), 1));
  double mean = 0;
  for (const float value : values) mean += static_cast<double>(value);
  mean /= count;
  WeightStatistics out;
  double square = 0;
  double fourth = 0;
  for (const float value : values) {
    const double off = static_cast<double>(value) - mean;
    square += off * off;
    fourth += off * off * off * off;
    out.largest = std::max(out.largest, std::abs(static_cast<double>(value)));
  }
  out.deviation = std::sqrt(square / count);
  out.kurtosis = fourth / count / (square / count * (square / count));
  return out;
}

}  // namespace tepui
