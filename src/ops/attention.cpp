// SPDX-License-Identifier: MIT
// Causal attention with grouped queries (Vaswani et al. 2017; Ainslie et al. 2023).
#include <cmath>
#include <vector>

#include "ops/check.h"

namespace tepui {

namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionParams>();
  const std::int64_t queries = std::int64_t{p.heads} * p.head_dim;
  const std::int64_t keys = std::int64_t{p.kv_heads} * p.head_dim;
  return Check("attention", in)
      .is(0, "q", f32({p.rows, queries}))
      .is(1, "k", f32({p.rows, keys}))
      .is(2, "v", f32({p.rows, keys}))
      .is(3, "offsets", i32({std::int64_t{p.sequences} + 1}))
      .holds(p.kv_heads > 0 && p.heads % p.kv_heads == 0, "kv_heads: expected a divisor of heads")
      .gives({f32({p.rows, queries})});
}

// One query against the keys of its sequence up to its own position.
struct Query {
  std::size_t row;    // of q
  std::size_t head;   // of q
  std::size_t first;  // row of the sequence's first key
  std::size_t count;  // keys
};

template <class Visit>
void each_query(std::span<const HostView> in, const AttentionParams& p, Visit visit) {
  const auto offsets = in[3].as<std::int32_t>();
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const auto first = static_cast<std::size_t>(offsets[s]);
    const auto last = static_cast<std::size_t>(offsets[s + 1]);
    for (std::size_t row = first; row < last; ++row) {
      for (std::size_t head = 0; head < p.heads; ++head)
        visit(Query{row, head, first, row - first + 1});
    }
  }
}

struct Softmax {
  std::vector<double> probability;  // of each key
  double score_error = 0;           // of any score, when sums run in f32
};

std::size_t key_at(const AttentionParams& p, const Query& query, std::size_t j) {
  const std::size_t group = query.head / (p.heads / p.kv_heads);
  return ((query.first + j) * p.kv_heads + group) * p.head_dim;
}

Softmax softmax(std::span<const HostView> in, const AttentionParams& p, const Query& query) {
  const auto q =
      in[0].as<float>().subspan((query.row * p.heads + query.head) * p.head_dim, p.head_dim);
  const auto k = in[1].as<float>();
  Softmax out;
  out.probability.resize(query.count);
  double largest = -HUGE_VAL;
  for (std::size_t j = 0; j < query.count; ++j) {
    double score = 0;
    double met = 0;
    for (std::size_t d = 0; d < p.head_dim; ++d) {
      const double term =
          static_cast<double>(q[d]) * static_cast<double>(k[key_at(p, query, j) + d]);
      score += term;
      met += std::abs(term);
    }
    const double scale = static_cast<double>(p.scale);
    out.probability[j] = score * scale;
    largest = std::max(largest, score * scale);
    // At most 256 + d / 256 roundings in the chain, one for the scale and one for the difference to
    // the maximum.
    const double chain = std::min<double>(p.head_dim, 256.0 + p.head_dim / 256.0) + 2.0;
    out.score_error =
        std::max(out.score_error,
                 0.5 * kEpsilon * (chain * met * std::abs(scale) + 2.0 * std::abs(score * scale)));
  }
  double sum = 0;
  for (double& value : out.probability) sum += value = std::exp(value - largest);
  for (double& value : out.probability) value /= sum;
  return out;
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionParams>();
  const auto v = in[2].as<float>();
  const auto z = out[0].as<float>();
  each_query(in, p, [&](const Query& query) {
    const Softmax weights = softmax(in, p, query);
    for (std::size_t d = 0; d < p.head_dim; ++d) {
      double sum = 0;
      for (std::size_t j = 0; j < query.count; ++j)
        sum += weights.probability[j] * static_cast<double>(v[key_at(p, query, j) + d]);
      z[(query.row * p.heads + query.head) * p.head_dim + d] = static_cast<float>(sum);
    }
  });
}

// Scores off by e change each probability by a factor within exp(+-2 e) (numerator and sum), the
// exponential itself by a few units, the sums over the keys by their chains; all of it meets sum_j
// p_j |v_j|.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<AttentionParams>();
  const auto v = request.in[2].as<float>();
  each_query(request.in, p, [&](const Query& query) {
    const Softmax weights = softmax(request.in, p, query);
    const auto keys = static_cast<double>(query.count);
    const double chain = std::min(keys, 256.0 + keys / 256.0) + 8.0;
    const double relative =
        std::expm1(2.0 * weights.score_error) + 2.0 * 0.5 * kEpsilon * chain + 8.0 * kEpsilon;
    for (std::size_t d = 0; d < p.head_dim; ++d) {
      double met = 0;
      for (std::size_t j = 0; j < query.count; ++j)
        met += weights.probability[j] * std::abs(static_cast<double>(v[key_at(p, query, j) + d]));
      bound[(query.row * p.heads + query.head) * p.head_dim + d] = relative * met + 1e-37;
    }
  });
}

double flops(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionParams>();
  // The causal half of two products, were all sequences equally long.
  const double length = p.sequences == 0 ? 0.0 : static_cast<double>(in[0].shape[0]) / p.sequences;
  return 4.0 * p.sequences * p.heads * p.head_dim * length * (length + 1.0) / 2.0;
}

const Op kOp{"attention", 4, infer, reference, bound, flops};

}  // namespace

const Op& attention_op() { return kOp; }

}  // namespace tepui
