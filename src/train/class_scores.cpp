// SPDX-License-Identifier: MIT
#include "train/class_scores.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "base/assert.h"

namespace tepui {

std::vector<int> predictions_of(std::span<const double> log_p, int classes) {
  const auto k = static_cast<std::size_t>(classes);
  std::vector<int> out;
  for (std::size_t row = 0; row * k < log_p.size(); ++row) {
    const auto own = log_p.subspan(row * k, k);
    out.push_back(static_cast<int>(std::ranges::max_element(own) - own.begin()));
  }
  return out;
}

double roc_auc(std::span<const double> scores, const std::vector<bool>& positive) {
  // Without an order there are neither ranks nor ties.
  if (std::ranges::any_of(scores, [](double score) { return std::isnan(score); }))
    return std::nan("");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  double ranks = 0;  // of the positives, ties sharing their mean rank
  double positives = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && scores[order[end]] == scores[order[begin]]) ++end;
    const double rank = (static_cast<double>(begin + 1) + static_cast<double>(end)) / 2;
    for (std::size_t i = begin; i < end; ++i) {
      if (!positive[order[i]]) continue;
      ranks += rank;
      positives += 1;
    }
    begin = end;
  }
  const double negatives = static_cast<double>(scores.size()) - positives;
  if (positives == 0 || negatives == 0) return std::nan("");
  return (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

ClassScores class_scores(std::span<const int> labels, std::span<const double> log_p, int classes) {
  const auto k = static_cast<std::size_t>(classes);
  TEPUI_ASSERT(log_p.size() == labels.size() * k);
  ClassScores out;
  if (labels.empty()) {
    out.accuracy = out.balanced_accuracy = out.f1 = out.mcc = out.roc_auc = std::nan("");
    return out;
  }
  const std::vector<int> predicted = predictions_of(log_p, classes);
  std::vector<double> actual(k, 0.0);
  std::vector<double> chosen(k, 0.0);
  std::vector<double> right(k, 0.0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels[i]);
    const auto guess = static_cast<std::size_t>(predicted[i]);
    ++actual[label];
    ++chosen[guess];
    if (label == guess) ++right[label];
  }
  const auto n = static_cast<double>(labels.size());
  const double correct = std::accumulate(right.begin(), right.end(), 0.0);
  out.accuracy = correct / n;
  double occurring = 0;
  double recall = 0;
  double f1 = 0;
  double both = 0;
  double actual_squares = 0;
  double chosen_squares = 0;
  for (std::size_t c = 0; c < k; ++c) {
    both += actual[c] * chosen[c];
    actual_squares += actual[c] * actual[c];
    chosen_squares += chosen[c] * chosen[c];
    if (actual[c] == 0) continue;
    ++occurring;
    recall += right[c] / actual[c];
    f1 += 2 * right[c] / (actual[c] + chosen[c]);
  }
  out.balanced_accuracy = recall / occurring;
  out.f1 = classes == 2
               ? (actual[1] + chosen[1] > 0 ? 2 * right[1] / (actual[1] + chosen[1]) : std::nan(""))
               : f1 / occurring;
  const double spread = std::sqrt((n * n - chosen_squares) * (n * n - actual_squares));
  out.mcc = spread > 0 ? (correct * n - both) / spread : 0;
  double areas = 0;
  int counted = 0;
  std::vector<double> scores(labels.size());
  std::vector<bool> positive(labels.size());
  for (std::size_t c = classes == 2 ? 1 : 0; c < k; ++c) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      // Of two classes the difference: a probability near 1 has lost its digits.
      scores[i] = classes == 2 ? log_p[i * k + 1] - log_p[i * k] : log_p[i * k + c];
      positive[i] = labels[i] == static_cast<int>(c);
    }
    const double area = roc_auc(scores, positive);
    if (std::isnan(area)) continue;
    areas += area;
    ++counted;
  }
  out.roc_auc = counted > 0 ? areas / counted : std::nan("");
  return out;
}

ValueScores value_scores(std::span<const double> values, std::span<const double> predicted) {
  TEPUI_ASSERT(values.size() == predicted.size());
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double error = 0;
  double spread = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    error += (values[i] - predicted[i]) * (values[i] - predicted[i]);
    spread += (values[i] - mean) * (values[i] - mean);
  }
  return {spread > 0 ? 1 - error / spread : std::nan(""), error / n};
}

}  // namespace tepui
