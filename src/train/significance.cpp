// SPDX-License-Identifier: MIT
#include "train/significance.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/draws.h"

namespace tepui {

double sign_flip_p(std::span<const double> advantages, std::uint64_t seed) {
  constexpr int kDraws = 9999;
  constexpr std::uint32_t kSigns = 0x5349474e;
  if (advantages.empty()) return std::nan("");
  std::mt19937_64 random = draws_of(seed, kSigns);
  double found = 0;
  double size = 0;
  for (const double one : advantages) {
    found += one;
    size += std::abs(one);
  }
  const double rounding = size * 1e-12;  // the same terms in another sign pattern
  int as_large = 1;
  for (int draw = 0; draw < kDraws; ++draw) {
    double sum = 0;
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < advantages.size(); ++i) {
      if (i % 64 == 0) bits = random();
      sum += (bits >> (i % 64) & 1) != 0 ? advantages[i] : -advantages[i];
    }
    as_large += sum >= found - rounding ? 1 : 0;
  }
  return static_cast<double>(as_large) / (kDraws + 1);
}

std::vector<double> false_discovery_rates(std::span<const double> p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(p[i])) order.push_back(i);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> out(p.size(), std::numeric_limits<double>::quiet_NaN());
  double least = 1;
  for (std::size_t rank = order.size(); rank > 0; --rank) {
    const std::size_t i = order[rank - 1];
    least = std::min(least, p[i] * static_cast<double>(order.size()) / static_cast<double>(rank));
    out[i] = least;
  }
  return out;
}

}  // namespace tepui
