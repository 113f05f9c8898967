// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "ops/attention_query.h"
#include "ops/check.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionParams>();
  const Shape q = shape_of(p.rows, std::uint64_t{p.heads} * p.head_dim);
  const Shape kv = shape_of(p.rows, std::uint64_t{p.kv_heads} * p.head_dim);
  return OperandCheck("attention_grad", in, {"q", "k", "v", "offsets", "dz"})
      .holds(p.head_dim > 0 && p.kv_heads > 0 && p.heads > 0 && p.heads % p.kv_heads == 0,
             fmt::format("expected heads to be a multiple of kv_heads, found {} and {} of width {}",
                         p.heads, p.kv_heads, p.head_dim))
      .holds(p.softcap == 0 && p.bias_positions == 0 && p.cached == 0 && p.edits == 0,
             "expected neither a softcap nor a key bias nor earlier keys nor edits")
      .is(0, DType::f32, q)
      .is(1, DType::f32, kv)
      .is(2, DType::f32, kv)
      .is(3, DType::i32, shape_of(std::uint64_t{p.sequences} + 1))
      .is(4, DType::f32, q)
      .gives({{DType::f32, q}, {DType::f32, kv}, {DType::f32, kv}});
}

// Whatever `Query` reads but a key bias and edits, which there are not.
std::array<HostView, 6> as_attention(std::span<const HostView> in) {
  const HostView absent{TensorType::absent(), {}};
  return {in[0], in[1], in[2], in[3], absent, absent};
}

// One query's gradients with respect to its scores (before the scale), and how far off they may be.
struct Scores {
  std::vector<double> p;
  std::vector<double> ds;
  std::vector<double> p_error;
  std::vector<double> ds_error;
};

Scores scores_of(const Query& query, const Elements<float>& dz, const AttentionParams& p) {
  const Softmax s = softmax(query);
  const std::vector<double> share = probability_error(s);
  Scores out;
  out.p = s.probability;
  const std::size_t keys = query.keys();
  std::vector<double> dp(keys);
  std::vector<double> dp_error(keys);
  double mean = 0;
  double mean_error = 0;
  for (std::size_t j = 0; j < keys; ++j) {
    double magnitude = 0;
    for (std::size_t d = 0; d < p.head_dim; ++d) {
      const double product = static_cast<double>(dz[query.output() + d]) * query.value(j, d);
      dp[j] += product;
      magnitude += std::abs(product);
    }
    dp_error[j] = p.head_dim * (kUnit * magnitude + kTiny);
    out.p_error.push_back(1.05 * out.p[j] * share[j] + kTiny);
    mean += out.p[j] * dp[j];
    mean_error += out.p_error[j] * std::abs(dp[j]) + out.p[j] * dp_error[j] +
                  static_cast<double>(keys + 2) * kUnit * out.p[j] * std::abs(dp[j]);
  }
  for (std::size_t j = 0; j < keys; ++j) {
    out.ds.push_back(out.p[j] * (dp[j] - mean));
    const double terms = std::abs(dp[j]) + std::abs(mean);
    out.ds_error.push_back(1.05 * (out.p_error[j] * std::abs(dp[j] - mean) +
                                   out.p[j] * (dp_error[j] + mean_error + 4 * kUnit * terms)) +
                           kTiny * (1 + terms));
  }
  return out;
}

// What every query head adds: to(output, element, term, the error of its factor times the other).
template <class To>
void for_each_term(std::span<const HostView> in, const AttentionParams& p, const To& to) {
  const std::array<HostView, 6> views = as_attention(in);
  const Elements<float> q(in[0]);
  const Elements<float> k(in[1]);
  const Elements<float> dz(in[4]);
  const auto scale = static_cast<double>(p.scale);
  for_each_query(views, p, [&](const Query& query) {
    const Scores s = scores_of(query, dz, p);
    const std::size_t row = query.output() / p.head_dim / p.heads;
    const std::size_t first_row = row - (query.position() - query.first());
    const std::size_t kv_head = query.head() / (p.heads / p.kv_heads);
    for (std::size_t j = 0; j < query.keys(); ++j) {
      const std::size_t key = ((first_row + j) * p.kv_heads + kv_head) * p.head_dim;
      for (std::size_t d = 0; d < p.head_dim; ++d) {
        const auto own = static_cast<double>(q[query.output() + d]);
        const auto other = static_cast<double>(k[key + d]);
        const auto given = static_cast<double>(dz[query.output() + d]);
        to(0, query.output() + d, scale * s.ds[j] * other, std::abs(scale * other) * s.ds_error[j]);
        to(1, key + d, scale * s.ds[j] * own, std::abs(scale * own) * s.ds_error[j]);
        to(2, key + d, s.p[j] * given, std::abs(given) * s.p_error[j]);
      }
    }
  });
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  std::array<std::vector<double>, 3> sums;
  for (std::size_t o = 0; o < 3; ++o) sums[o].resize(out[o].as<float>().size());
  for_each_term(
      in, bytes.as<AttentionParams>(),
      [&](std::size_t output, std::size_t i, double term, double) { sums[output][i] += term; });
  for (std::size_t o = 0; o < 3; ++o)
    std::ranges::transform(sums[o], out[o].as<float>().begin(),
                           [](double sum) { return static_cast<float>(sum); });
}

// Each term's own error, and (terms + 4) eps of their magnitudes for the chain and the scale.
void bound(const BoundRequest& request, std::span<double> bound) {
  std::vector<double> magnitude(bound.size());
  std::vector<double> terms(bound.size());
  for (double& b : bound) b = 0;
  for_each_term(request.in, request.params.as<AttentionParams>(),
                [&](std::size_t output, std::size_t i, double term, double error) {
                  if (output != request.output) return;
                  bound[i] += error + kTiny;
                  magnitude[i] += std::abs(term);
                  terms[i] += 1;
                });
  for (std::size_t i = 0; i < bound.size(); ++i)
    bound[i] += (terms[i] + 6) * kUnit * magnitude[i] + kTiny;
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionParams>();
  if (p.sequences == 0) return 0;
  const double pairs = 0.5 * p.rows * (static_cast<double>(p.rows) / p.sequences + 1);
  return 10 * pairs * p.heads * p.head_dim;
}

}  // namespace

const Op& attention_grad_op() {
  static constexpr Op kOp{"attention_grad", 5, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
