// SPDX-License-Identifier: MIT
#include "study/coherence.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace tepui {
namespace {

constexpr std::size_t kLeastPairs = 8;

std::vector<double> mean_ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (std::size_t at = 0; at < order.size();) {
    std::size_t end = at + 1;
    while (end < order.size() && values[order[end]] == values[order[at]]) ++end;
    const double rank = static_cast<double>(at + end - 1) / 2;
    for (; at < end; ++at) ranks[order[at]] = rank;
  }
  return ranks;
}

// x at `step` on the line between its neighbours.
double between(const std::vector<std::int64_t>& steps, const std::vector<double>& x, double step) {
  std::size_t right = 1;
  while (right + 1 < steps.size() && static_cast<double>(steps[right]) < step) ++right;
  const auto from = static_cast<double>(steps[right - 1]);
  const auto to = static_cast<double>(steps[right]);
  return x[right - 1] + (x[right] - x[right - 1]) * (step - from) / (to - from);
}

}  // namespace

double rank_correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const std::vector<double> a = mean_ranks(x);
  const std::vector<double> b = mean_ranks(y);
  const double mean = (static_cast<double>(x.size()) - 1) / 2;
  double product = 0;
  double left = 0;
  double right = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += (a[i] - mean) * (b[i] - mean);
    left += (a[i] - mean) * (a[i] - mean);
    right += (b[i] - mean) * (b[i] - mean);
  }
  return product / std::sqrt(left * right);
}

std::optional<Lag> best_lag(const std::vector<std::int64_t>& steps, const std::vector<double>& x,
                            const std::vector<double>& y) {
  if (steps.size() < kLeastPairs) return std::nullopt;
  std::vector<std::int64_t> gaps;
  for (std::size_t i = 1; i < steps.size(); ++i) gaps.push_back(steps[i] - steps[i - 1]);
  std::ranges::nth_element(gaps, gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2));
  const std::int64_t by = std::max<std::int64_t>(1, gaps[gaps.size() / 2]);
  const std::int64_t most = (steps.back() - steps.front()) / 3 / by;
  std::optional<Lag> best;
  for (std::int64_t i = 0; i <= 2 * most; ++i) {
    const std::int64_t shift = (i % 2 == 0 ? -(i / 2) : (i + 1) / 2) * by;  // the least ones first
    std::vector<double> from;
    std::vector<double> to;
    std::set<std::ptrdiff_t> between_which;
    for (std::size_t at = 0; at < steps.size(); ++at) {
      const std::int64_t step = steps[at] - shift;
      if (step < steps.front() || step > steps.back()) continue;
      from.push_back(between(steps, x, static_cast<double>(step)));
      to.push_back(y[at]);
      between_which.insert(std::ranges::lower_bound(steps, step) - steps.begin());
    }
    // Values on the line between the same two checkpoints rise or fall together by construction.
    if (between_which.size() < std::max(kLeastPairs, from.size() / 2 + 1)) continue;
    const double found = rank_correlation(from, to);
    if (std::isfinite(found) && (!best || std::abs(found) > std::abs(best->correlation) + 1e-12))
      best = Lag{shift, found};
  }
  return best;
}

Coherence coherence(const std::vector<CheckpointState>& states, std::optional<std::int64_t> onset) {
  Coherence out;
  out.onset = onset;
  std::vector<std::int64_t> steps;
  std::vector<double> ratios;
  std::vector<double> losses;
  std::vector<double> gaps;
  for (const CheckpointState& state : states) {
    double ratio = 0;
    for (const LayerState& layer : state.layers) ratio = std::max(ratio, layer.ratio);
    if (!std::isfinite(ratio) || !std::isfinite(state.loss) || !std::isfinite(state.boundary_gap()))
      continue;
    steps.push_back(state.checkpoint.step);
    ratios.push_back(ratio);
    losses.push_back(state.loss);
    gaps.push_back(state.boundary_gap());
  }
  out.checkpoints = steps.size();
  out.loss_correlation = rank_correlation(ratios, losses);
  out.gap_correlation = rank_correlation(ratios, gaps);
  out.gap_lag = best_lag(steps, ratios, gaps);
  for (std::size_t i = 1; i < steps.size(); ++i) {
    const double way = gaps.back() - gaps.front();
    if (way == 0 || (gaps[i] - gaps.front()) / way < 0.5) continue;
    out.gap_half = steps[i];
    break;
  }
  return out;
}

}  // namespace tepui
