// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionParams>();
  const auto q_dim = std::uint64_t{p.heads} * p.head_dim;
  const auto kv_dim = std::uint64_t{p.kv_heads} * p.head_dim;
  const std::uint64_t ends = std::uint64_t{p.sequences} + 1;
  const bool cached = p.cached != 0 && in.size() > 1 && in[1].shape.rank() == 2;
  const auto keys = cached ? static_cast<std::uint64_t>(in[1].shape[0]) : p.rows;
  return OperandCheck("attention", in, {"q", "k", "v", "offsets", "bias"})
      .holds(p.head_dim > 0 && p.kv_heads > 0 && p.heads > 0 && p.heads % p.kv_heads == 0,
             fmt::format("expected heads to be a multiple of kv_heads, found {} and {} of width {}",
                         p.heads, p.kv_heads, p.head_dim))
      .is(0, DType::f32, shape_of(p.rows, q_dim))
      .is(1, DType::f32, shape_of(keys, kv_dim))
      .is(2, DType::f32, shape_of(keys, kv_dim))
      .is(3, DType::i32, p.cached != 0 ? shape_of(2, ends) : shape_of(ends))
      .holds(p.softcap >= 0, "expected a softcap above 0, or 0 for none")
      .holds((p.bias_positions != 0) == (in.size() > 4 && in[4].present()),
             "expected a key bias exactly where it has positions")
      .is_absent_or(4, DType::f32, shape_of(p.heads, p.bias_positions))
      .gives({{DType::f32, shape_of(p.rows, q_dim)}});
}

// What one query head sees: of the keys of its sequence, [first, position].
class Query {
 public:
  Query(std::span<const HostView> in, const AttentionParams& p, std::size_t sequence_keys,
        std::size_t position, std::size_t row, std::size_t head)
      : q_(in[0]),
        k_(in[1]),
        v_(in[2]),
        bias_(in[4]),
        p_(p),
        sequence_keys_(sequence_keys),
        first_(p.window != 0 && position >= p.window ? position + 1 - p.window : 0),
        position_(position),
        q_start_((row * p.heads + head) * p.head_dim),
        head_(head) {}

  std::size_t keys() const { return position_ + 1 - first_; }
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
    return sum;
  }

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

Softmax softmax(const Query& query) {
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

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionParams>();
  const auto y = out[0].as<float>();
  for_each_query(in, p, [&](const Query& query) {
    const Softmax s = softmax(query);
    for (std::size_t d = 0; d < p.head_dim; ++d) {
      double sum = 0;
      for (std::size_t j = 0; j < query.keys(); ++j) sum += s.probability[j] * query.value(j, d);
      y[query.output() + d] = static_cast<float>(sum);
    }
  });
}

// Each key's score is wrong by e_j = head_dim eps sum|q k| scale, which a softcap shrinks by its
// slope and adds its own error to, and by the roundings of the bias, its own and that of the
// largest; its weight by f_j = exp(e_j) - 1. Numerator and denominator share the weights, so that
// the output o is wrong by sum_j p_j f_j |v_j - o|, over 1 less the mean of f. Beside that,
// exponentials and sums are rounded: (exp's error, its mean, keys eps) times sum_j p_j |v_j|.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<AttentionParams>();
  for_each_query(request.in, p, [&](const Query& query) {
    Softmax s = softmax(query);
    std::vector<double>& factor = s.error;
    double mean = 0;
    double exp_mean = 0;
    for (std::size_t j = 0; j < query.keys(); ++j) {
      const double score = std::abs(s.score[j] + s.largest);
      factor[j] = std::expm1(s.error[j] + 2 * kUnit * (score + std::abs(s.largest)));
      mean += s.probability[j] * factor[j];
      exp_mean += s.probability[j] * exp_error(-s.score[j]);
    }
    const double sums = (2.0 * static_cast<double>(query.keys()) + 8) * kUnit;
    for (std::size_t d = 0; d < p.head_dim; ++d) {
      double output = 0;
      for (std::size_t j = 0; j < query.keys(); ++j) {
        output += s.probability[j] * query.value(j, d);
      }
      double total = 0;
      for (std::size_t j = 0; j < query.keys(); ++j) {
        const double v = query.value(j, d);
        const double rounding = exp_error(-s.score[j]) + exp_mean + sums;
        total += s.probability[j] * (factor[j] * std::abs(v - output) + rounding * std::abs(v)) +
                 kTiny * (1 + std::abs(v));
      }
      bound[query.output() + d] = total / std::max(1 - mean, 0.5);
    }
  });
}

// Counted for whole sequences of equal length, since lengths are data: two products for each causal
// pair.
double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionParams>();
  if (p.sequences == 0) return 0;
  const double pairs = 0.5 * p.rows * (static_cast<double>(p.rows) / p.sequences + 1);
  return 4 * pairs * p.heads * p.head_dim;
}

}  // namespace

const Op& attention_op() {
  static constexpr Op kOp{"attention", 5, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
