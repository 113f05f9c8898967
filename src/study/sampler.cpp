// SPDX-License-Identifier: MIT
#include "study/sampler.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace tepui {

namespace {

using LogitRow = Eigen::Map<const Eigen::ArrayXf>;

LogitRow row_of(std::span<const float> logits) {
  return {logits.data(), static_cast<Eigen::Index>(logits.size())};
}

std::mt19937_64 engine(std::uint64_t seed, std::uint32_t stream) {
  std::seed_seq words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                      stream};
  return std::mt19937_64(words);
}

// Tokens that may be drawn, the most probable first.
std::vector<TokenId> candidates(std::span<const float> logits, int top_k) {
  std::vector<TokenId> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto better = [&](TokenId a, TokenId b) {
    const float x = logits[static_cast<std::size_t>(a)];
    const float y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  const auto kept = top_k > 0 ? std::min(static_cast<std::size_t>(top_k), ids.size()) : ids.size();
  const auto end = ids.begin() + static_cast<std::ptrdiff_t>(kept);
  std::partial_sort(ids.begin(), end, ids.end(), better);
  ids.erase(end, ids.end());
  return ids;
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, std::uint32_t stream)
    : options_(options), random_(engine(options.seed, stream)) {}

TokenId Sampler::next(std::span<const float> logits) {
  if (options_.temperature <= 0)
    return static_cast<TokenId>(std::ranges::find(logits, row_of(logits).maxCoeff()) -
                                logits.begin());
  constexpr double kUnit = 0x1p-53;
  const double draw = static_cast<double>(random_() >> 11) * kUnit;  // in [0, 1)
  const std::vector<TokenId> ids = candidates(logits, options_.top_k);
  const auto logit = [&](TokenId id) { return double{logits[static_cast<std::size_t>(id)]}; };
  std::vector<double> weights;
  for (const TokenId id : ids)
    weights.push_back(std::exp((logit(id) - logit(ids.front())) / options_.temperature));
  const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::size_t kept = 0;
  double sum = 0;
  while (kept < ids.size() && (kept == 0 || sum < options_.top_p * all)) sum += weights[kept++];
  double reached = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    reached += weights[i];
    if (reached > draw * sum) return ids[i];
  }
  return ids[kept - 1];  // what rounding left over
}

std::optional<std::size_t> first_not_finite(std::span<const float> logits) {
  constexpr auto kNan = Eigen::PropagateNaN;
  if (row_of(logits).abs().maxCoeff<kNan>() <= std::numeric_limits<float>::max()) return {};
  const auto bad = std::ranges::find_if(logits, [](float x) { return !std::isfinite(x); });
  return static_cast<std::size_t>(bad - logits.begin());
}

double loss_of(std::span<const float> logits, TokenId id) {
  const double largest = double{row_of(logits).maxCoeff()};
  const double sum = (row_of(logits).cast<double>() - largest).exp().sum();
  return largest + std::log(sum) - double{logits[static_cast<std::size_t>(id)]};
}

}  // namespace tepui
