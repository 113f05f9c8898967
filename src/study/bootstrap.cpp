// SPDX-License-Identifier: MIT
#include "study/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace tepui {

namespace {

// A number below n; the standard library's distributions differ between implementations.
std::size_t below(std::mt19937_64& random, std::size_t n) {
  const std::uint64_t high = random() >> 32;
  return static_cast<std::size_t>(high * n >> 32);
}

}  // namespace

Interval bootstrap_ratio(std::span<const double> sums, std::span<const double> counts,
                         const BootstrapOptions& options) {
  const auto total = [](std::span<const double> x) {
    return std::accumulate(x.begin(), x.end(), 0.0);
  };
  Interval out;
  const double all = total(counts);
  if (all == 0) return {std::nan(""), std::nan(""), std::nan("")};
  out.mean = total(sums) / all;
  if (std::ranges::count_if(counts, [](double count) { return count > 0; }) < 2)
    return {out.mean, std::nan(""), std::nan("")};
  std::mt19937_64 random(options.seed);
  std::vector<double> ratios;
  for (int i = 0; i < options.resamples; ++i) {
    double sum = 0;
    double count = 0;
    for (std::size_t k = 0; k < sums.size(); ++k) {
      const std::size_t drawn = below(random, sums.size());
      sum += sums[drawn];
      count += counts[drawn];
    }
    if (count > 0) ratios.push_back(sum / count);
  }
  if (ratios.empty()) return {out.mean, std::nan(""), std::nan("")};
  std::sort(ratios.begin(), ratios.end());
  const auto at = [&](double fraction) {
    return ratios[static_cast<std::size_t>(fraction * static_cast<double>(ratios.size() - 1))];
  };
  out.low = at(0.025);
  out.high = at(0.975);
  return out;
}

}  // namespace tepui
