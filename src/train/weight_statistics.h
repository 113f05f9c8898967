// SPDX-License-Identifier: MIT
// How a parameter's values are spread: outliers in weights show in the kurtosis before they show in
// the deviation.
#pragma once

#include <span>

namespace tepui {

struct WeightStatistics {
  double deviation = 0;  // standard deviation, of all values as they are
  double kurtosis =
      0;               // mean (w - mean)^4 / deviation^4: 3 of normal values; NaN where all are one
  double largest = 0;  // |w|
};

// Sums in double, in order.
WeightStatistics weight_statistics(std::span<const float> values);

}  // namespace tepui
