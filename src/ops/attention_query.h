// SPDX-License-Identifier: MIT
// What one query of one head sees in double precision: the scores of its keys with how far off a
// backend's may be, and their softmax. The references and bounds of attention, attention_stats and
// attention_map are made of it.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "base/assert.h"
#include "ops/attention_edits.h"
#include "ops/elements.h"
#include "ops/op_list.h"
#include "ops/rounding.h"

namespace tepui {

// What one query head sees: of the keys of its sequence, [first, position].
class Query {
 public:
  Query(std::span<const HostView> in, const AttentionParams& p, std::size_t sequence_keys,
        std::size_t position, std::size_t row, std::size_t head)
      : q_(in[0]),
        k_(in[1]),
        v_(in[2]),
        bias_(in[4]),
        edits_(in[5], p, head),
        p_(p),
        sequence_keys_(sequence_keys),
        first_(p.window != 0 && position >= p.window ? position + 1 - p.window : 0),
        position_(position),
        q_start_((row * p.heads + head) * p.head_dim),
        head_(head) {}

  std::size_t keys() const { return position_ + 1 - first_; }
  std::size_t first() const { return first_; }  // the position of the first key that it sees
  std::size_t position() const { return position_; }
  std::size_t head() const { return head_; }
  std::size_t head_dim() const { return p_.head_dim; }
  std::size_t output() const { return q_start_; }
  double value(std::size_t j, std::size_t d) const {
    return static_cast<double>(v_[kv_start(j) + d]);
  }
  // The score of key j, and how far off it may be before it meets the largest.
  double score(std::size_t j, double& error) const {
    double sum = 0;
    double magnitude = 0;
    for (std::size_t d = 0; d < p_.head_dim; ++d) {
      const double product =
          static_cast<double>(q_[q_start_ + d]) * static_cast<double>(k_[kv_start(j) + d]);
      sum += product;
      magnitude += std::abs(product);
    }
    const auto scale = static_cast<double>(p_.scale);
    sum *= scale;
    error = (p_.head_dim + 2.0) * kUnit * magnitude * std::abs(scale);
    if (p_.softcap != 0) {
      const auto cap = static_cast<double>(p_.softcap);
      const double slope = 1 - std::pow(std::tanh(std::max(std::abs(sum) - error, 0.0) / cap), 2);
      sum = cap * std::tanh(sum / cap);
      error = slope * error + (kTanhError + 3) * kUnit * std::abs(sum);
    }
    if (p_.bias_positions != 0) {
      const double bias = key_bias(first_ + j) - key_bias(position_);
      sum += bias;
      error += kUnit * std::abs(bias);
    }
    edits_.apply(false, sequence_keys_ + first_ + j, sum, error);
    return sum;
  }
  // Whether key j's probability is edited, and what becomes of it and of its error.
  bool edit_probability(std::size_t j, double& probability, double& error) const {
    return edits_.apply(true, sequence_keys_ + first_ + j, probability, error);
  }
  bool edits_probabilities() const { return edits_.any(true); }

 private:
  std::size_t kv_start(std::size_t j) const {
    const std::size_t row = sequence_keys_ + first_ + j;
    return (row * p_.kv_heads + head_ / (p_.heads / p_.kv_heads)) * p_.head_dim;
  }
  double key_bias(std::size_t position) const {
    TEPUI_ASSERT(position < p_.bias_positions);
    return static_cast<double>(bias_[head_ * p_.bias_positions + position]);
  }

  Elements<float> q_;
  Elements<float> k_;
  Elements<float> v_;
  Elements<float> bias_;
  AttentionEdits edits_;
  const AttentionParams& p_;
  std::size_t sequence_keys_;  // the first key row of the sequence
  std::size_t first_;
  std::size_t position_;
  std::size_t q_start_;
  std::size_t head_;
};

struct Softmax {
  std::vector<double> probability;
  std::vector<double> score;  // less the largest
  std::vector<double> error;  // of the score, by key
  double largest = 0;
};

inline Softmax softmax(const Query& query) {
  Softmax s;
  s.score.resize(query.keys());
  s.error.resize(query.keys());
  for (std::size_t j = 0; j < query.keys(); ++j) s.score[j] = query.score(j, s.error[j]);
  s.largest = *std::max_element(s.score.begin(), s.score.end());
  double sum = 0;
  for (double& score : s.score) {
    score -= s.largest;
    s.probability.push_back(std::exp(score));
    sum += s.probability.back();
  }
  for (double& probability : s.probability) probability /= sum;
  return s;
}

// How far off each probability may be, as a share of it: the errors of its score and of exp, and
// those of the sum that it is divided by.
inline std::vector<double> probability_error(const Softmax& s) {
  std::vector<double> error;
  double mean = 0;
  for (std::size_t j = 0; j < s.score.size(); ++j) {
    const double score = std::abs(s.score[j] + s.largest);
    const double factor = std::expm1(s.error[j] + 2 * kUnit * (score + std::abs(s.largest)));
    error.push_back(factor + exp_error(-s.score[j]));
    mean += s.probability[j] * error.back();
  }
  const double sum = (static_cast<double>(s.score.size()) + 4) * kUnit;
  for (double& one : error) one = (one + mean + sum) / std::max(1 - mean, 0.5);
  return error;
}

// The operands q, k, offsets, bias and, in slot `edits`, edits as those of attention; nothing reads
// values.
inline std::array<HostView, 6> without_values(std::span<const HostView> in, std::size_t edits) {
  return {in[0], in[1], in[1], in[2], in[3], in[edits]};
}

// Changes the probabilities as edits say, and how far off each may be, the absolute `error`; true
// if any was changed.
inline bool edit_probabilities(const Query& query, Softmax& s, std::vector<double>& error) {
  if (!query.edits_probabilities()) return false;
  bool edited = false;
  for (std::size_t j = 0; j < s.probability.size(); ++j) {
    // Kernels that hold weights for probabilities go through their sum and back.
    const double more = 4 * kUnit * std::abs(s.probability[j]);
    if (!query.edit_probability(j, s.probability[j], error[j])) continue;
    error[j] += more + 4 * kUnit * std::abs(s.probability[j]) + kTiny;
    edited = true;
  }
  return edited;
}

template <class Body>
void for_each_query(std::span<const HostView> in, const AttentionParams& p, const Body& body) {
  const Elements<std::int32_t> offsets(in[3]);
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const SequenceRows rows = sequence_rows(in[3], s, p.rows);
    SequenceRows keys = rows;
    if (p.cached != 0) {
      keys.begin = static_cast<std::size_t>(offsets[p.sequences + 1 + s]);
      keys.end = static_cast<std::size_t>(offsets[p.sequences + 2 + s]);
      TEPUI_ASSERT(keys.begin + (rows.end - rows.begin) <= keys.end);
      TEPUI_ASSERT(keys.end <= static_cast<std::size_t>(in[1].type.shape[0]));
    }
    for (std::size_t row = rows.begin; row < rows.end; ++row) {
      const std::size_t position = keys.end - keys.begin - (rows.end - row);
      for (std::size_t h = 0; h < p.heads; ++h) body(Query(in, p, keys.begin, position, row, h));
    }
  }
}

}  // namespace tepui
