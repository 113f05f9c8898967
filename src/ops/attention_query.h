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
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/op_list.h"
#include "ops/random_bits.h"
#include "ops/rounding.h"

namespace tepui {

// What one query head sees: of the keys of its sequence, [first, last].
class Query {
 public:
  Query(std::span<const HostView> in, const AttentionParams& p, std::size_t sequence_keys,
        std::size_t count, std::size_t position, std::size_t row, std::size_t head)
      : q_(in[0]),
        k_(in[1]),
        v_(in[2]),
        bias_(in[4]),
        edits_(in[5], p, head),
        extra_key_(in[6]),
        extra_value_(in[7]),
        drop_key_(in[8]),
        p_(p),
        sequence_keys_(sequence_keys),
        first_(windowed(p) && position >= p.window ? position + 1 - p.window : 0),
        last_(has(TEPUI_ATTEND_PREFIX) && count > 0
                  ? std::max(position, std::min<std::size_t>(p.window, count) - 1)
                  : position),
        position_(position),
        q_start_((row * p.heads + head) * p.head_dim),
        head_(head) {}

  static bool windowed(const AttentionParams& p) {
    return p.window != 0 && (p.form & TEPUI_ATTEND_PREFIX) == 0;
  }
  std::size_t keys() const { return last_ + 1 - first_; }
  // Its keys, and behind them the extra one where there is one.
  std::size_t terms() const { return keys() + (has(TEPUI_ATTEND_EXTRA) ? 1 : 0); }
  bool has(uint form) const { return (p_.form & form) != 0; }
  double gamma() const { return static_cast<double>(p_.gamma); }
  bool clips() const { return !has(TEPUI_ATTEND_SIGMOID) && p_.gamma != 0; }
  std::size_t first() const { return first_; }  // the position of the first key that it sees
  std::size_t last() const { return last_; }    // and of the last one
  std::size_t position() const { return position_; }
  std::size_t head() const { return head_; }
  std::size_t head_dim() const { return p_.head_dim; }
  std::size_t output() const { return q_start_; }
  double value(std::size_t j, std::size_t d) const {
    if (j < keys()) return static_cast<double>(v_[kv_start(j) + d]);
    return has(TEPUI_ATTEND_EXTRA_VALUE) ? static_cast<double>(extra_value_[extra_start() + d]) : 0;
  }
  double key(std::size_t j, std::size_t d) const {
    if (j < keys()) return static_cast<double>(k_[kv_start(j) + d]);
    return has(TEPUI_ATTEND_EXTRA_KEY) ? static_cast<double>(extra_key_[extra_start() + d]) : 0;
  }
  // By what the probability of key j is multiplied at the end.
  double kept(std::size_t j) const {
    if (p_.drop == 0 || j >= keys()) return 1;
    const uint share = p_.drop >> 16;
    const auto query = static_cast<uint>(q_start_ / p_.head_dim);
    const auto position = static_cast<uint>(first_ + j);
    const uint bits =
        pcg3d_word(query, drop_key_[0] + (p_.drop << 16) + position, drop_key_[1]) >> 16;
    return bits < share ? 0 : 65536.0 / (65536.0 - share);
  }
  // The score of key j, and how far off it may be before it meets the largest.
  double score(std::size_t j, double& error) const {
    double sum = 0;
    double magnitude = 0;
    for (std::size_t d = 0; d < p_.head_dim; ++d) {
      const double product = static_cast<double>(q_[q_start_ + d]) * key(j, d);
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
    if (j >= keys()) return sum;
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
  // Whether probabilities are changed, each by itself, once they are made.
  bool changes_probabilities() const { return edits_.any(true) || clips() || p_.drop != 0; }

 private:
  std::size_t extra_start() const {
    return head_ / (p_.heads / p_.kv_heads) * std::size_t{p_.head_dim};
  }
  std::size_t kv_start(std::size_t j) const {
    const std::size_t row = sequence_keys_ + first_ + j;
    const std::size_t kv_head = head_ / (p_.heads / p_.kv_heads);
    return (by_head(p_) ? kv_head * p_.cached + row : row * p_.kv_heads + kv_head) * p_.head_dim;
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
  Elements<float> extra_key_;
  Elements<float> extra_value_;
  Elements<std::uint32_t> drop_key_;
  const AttentionParams& p_;
  std::size_t sequence_keys_;  // the first key row of the sequence
  std::size_t first_;
  std::size_t last_;
  std::size_t position_;
  std::size_t q_start_;
  std::size_t head_;
};

// Of the terms of a query.
struct Softmax {
  std::vector<double> probability;
  std::vector<double> score;  // less the largest
  std::vector<double> error;  // of the score
  double largest = 0;
  bool sums_to_one = true;  // not where each is a sigmoid
  bool always = false;      // the last has weight 1 beside the others
};

inline Softmax softmax(const Query& query) {
  Softmax s;
  s.score.resize(query.terms());
  s.error.resize(query.terms());
  s.sums_to_one = !query.has(TEPUI_ATTEND_SIGMOID);
  s.always = query.has(TEPUI_ATTEND_EXTRA) && query.has(TEPUI_ATTEND_ALWAYS);
  for (std::size_t j = 0; j < query.terms(); ++j) s.score[j] = query.score(j, s.error[j]);
  if (s.always) s.score.back() = s.error.back() = 0;
  if (!s.sums_to_one) {
    s.largest = -query.gamma();
    for (double& score : s.score) {
      score += query.gamma();
      s.probability.push_back(1 / (1 + std::exp(-score)));
    }
    if (s.always) s.probability.back() = 1;
    return s;
  }
  const auto end = s.score.end() - (s.always ? 1 : 0);
  s.largest = *std::max_element(s.score.begin(), end);
  double sum = 0;
  for (double& score : s.score) {
    score -= s.largest;
    s.probability.push_back(std::exp(score));
    sum += s.probability.back();
  }
  if (s.always) sum -= s.probability.back();
  for (double& probability : s.probability) probability /= sum;
  if (s.always) s.probability.back() = 1;
  return s;
}

// How far off each probability may be, as a share of it: the errors of its score and of exp, and
// those of the sum that it is divided by.
inline std::vector<double> probability_error(const Softmax& s) {
  std::vector<double> error;
  double mean = 0;
  const std::size_t counted = s.score.size() - (s.always ? 1 : 0);
  for (std::size_t j = 0; j < counted; ++j) {
    const double score = std::abs(s.score[j] + s.largest);
    const double factor = std::expm1(s.error[j] + 2 * kUnit * (score + std::abs(s.largest)));
    error.push_back(factor + exp_error(std::abs(s.score[j])));
    mean += s.probability[j] * error.back();
  }
  const double sum = (static_cast<double>(counted) + 4) * kUnit;
  for (double& one : error)
    one = s.sums_to_one ? (one + mean + sum) / std::max(1 - mean, 0.5) : one + 8 * kUnit;
  if (s.always) error.push_back(4 * kUnit);
  return error;
}

// The operands q, k, offsets, bias and, in slot `edits`, edits and the extra key as those of
// attention; nothing reads values, nothing is dropped.
inline std::array<HostView, 9> without_values(std::span<const HostView> in, std::size_t edits) {
  const HostView absent{TensorType::absent(), {}};
  return {in[0], in[1], in[1], in[2], in[3], in[edits], in[edits + 1], absent, absent};
}

// Changes the probabilities by clipping, edits and dropping, and how far off each may be, the
// absolute `error`; true if any was changed.
inline bool edit_probabilities(const Query& query, Softmax& s, std::vector<double>& error) {
  if (!query.changes_probabilities()) return false;
  bool edited = false;
  for (std::size_t j = 0; j < query.keys(); ++j) {
    // Kernels that hold weights for probabilities go through their sum and back.
    const double more = 4 * kUnit * std::abs(s.probability[j]);
    bool own = query.clips();
    if (own) {
      s.probability[j] = std::max(0.0, (1 - query.gamma()) * s.probability[j] + query.gamma());
      error[j] = (1 - query.gamma()) * error[j] + 4 * kUnit * std::abs(query.gamma());
    }
    own = query.edit_probability(j, s.probability[j], error[j]) || own;
    if (const double kept = query.kept(j); kept != 1) {
      s.probability[j] *= kept;
      error[j] *= kept;
      own = true;
    }
    if (!own) continue;
    error[j] += 2 * more + 4 * kUnit * std::abs(s.probability[j]) + kTiny;
    edited = true;
  }
  return edited;
}

// The rules of `form`, gamma and the operands from `slot` on: extra_key and, with `values`,
// extra_value and drop_key.
inline OperandCheck& check_form(OperandCheck& check, std::span<const TensorType> in,
                                std::size_t slot, const AttentionParams& p, bool values) {
  const auto has = [&](uint form) { return (p.form & form) != 0; };
  const auto there = [&](std::size_t i) { return in.size() > i && in[i].present(); };
  const Shape one = shape_of(std::uint64_t{p.kv_heads} * p.head_dim);
  check
      .holds(p.form <= 127 &&
                 (has(TEPUI_ATTEND_EXTRA) ||
                  !has(TEPUI_ATTEND_EXTRA_KEY | TEPUI_ATTEND_EXTRA_VALUE | TEPUI_ATTEND_ALWAYS)),
             fmt::format("expected an extra key for what is said about one, found the form {}",
                         p.form))
      .holds(has(TEPUI_ATTEND_EXTRA_KEY) == there(slot),
             "expected an extra key exactly where the form has one")
      .is_absent_or(slot, DType::f32, one)
      .holds(has(TEPUI_ATTEND_SIGMOID) || p.gamma <= 0,
             fmt::format("expected a gamma of at most 0 to clip by, found {}", p.gamma))
      .holds(!has(TEPUI_ATTEND_EXTRA) || has(TEPUI_ATTEND_SIGMOID | TEPUI_ATTEND_ALWAYS) ||
                 p.gamma == 0,
             "expected no clipping beside an extra key in the softmax");
  check.holds(
      !has(TEPUI_ATTEND_PREFIX) || (p.window != 0 && p.bias_positions == 0 && p.cached == 0),
      "expected the length of a prefix, and neither a key bias nor earlier keys beside it");
  check.holds(!has(TEPUI_ATTEND_ROWS) || p.cached != 0,
              "expected earlier keys where it says how these lie");
  if (!values)
    return check.holds(!has(TEPUI_ATTEND_EXTRA_VALUE) && p.drop == 0,
                       "expected neither an extra value nor dropping");
  return check
      .holds(has(TEPUI_ATTEND_EXTRA_VALUE) == there(slot + 1),
             "expected an extra value exactly where the form has one")
      .is_absent_or(slot + 1, DType::f32, one)
      .holds((p.drop != 0) == there(slot + 2), "expected a key to drop by exactly where it does")
      .is_absent_or(slot + 2, DType::u32, shape_of(2));
}

template <class Body>
void for_each_query(std::span<const HostView> in, const AttentionParams& p, const Body& body) {
  const Elements<std::int32_t> offsets(in[3]);
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const SequenceRows rows = sequence_rows(in[3], s, p.rows);
    SequenceRows keys = rows;
    if (p.cached != 0) {
      keys.begin = static_cast<std::size_t>(offsets[p.sequences + 1 + s]);
      keys.end = static_cast<std::size_t>(offsets[2 * (p.sequences + 1) + s]);
      TEPUI_ASSERT(keys.begin + (rows.end - rows.begin) <= keys.end);
      TEPUI_ASSERT(keys.end <= p.cached);
    }
    for (std::size_t row = rows.begin; row < rows.end; ++row) {
      const std::size_t position = keys.end - keys.begin - (rows.end - row);
      for (std::size_t h = 0; h < p.heads; ++h)
        body(Query(in, p, keys.begin, keys.end - keys.begin, position, row, h));
    }
  }
}

}  // namespace tepui
