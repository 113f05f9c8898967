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
  const Shape extra = shape_of(p.sequences, std::uint64_t{p.kv_heads} * p.head_dim);
  OperandCheck check("attention_grad", in,
                     {"q", "k", "v", "offsets", "dz", "extra_key", "extra_value", "drop_key"});
  check_form(check, in, 5, p, true);
  return check
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
      .gives({{DType::f32, q},
              {DType::f32, kv},
              {DType::f32, kv},
              {DType::f32, extra},
              {DType::f32, extra}});
}

// Whatever `Query` reads but a key bias and edits, which there are not.
std::array<HostView, 9> as_attention(std::span<const HostView> in) {
  const HostView absent{TensorType::absent(), {}};
  return {in[0], in[1], in[2], in[3], absent, absent, in[5], in[6], in[7]};
}

// One query's gradients with respect to its scores (before the scale), and how far off they may be,
// by term; p as its values meet it.
struct Scores {
  std::vector<double> p;
  std::vector<double> ds;
  std::vector<double> p_error;
  std::vector<double> ds_error;
};

// dp / dw of key j: what clipping and dropping let through. A weight so near the clip's edge that a
// backend may be on its other side counts as an error.
double passed(const Query& query, std::size_t j, double w, double w_error, double& error) {
  error = 0;
  if (j >= query.keys()) return 1;
  double factor = query.kept(j);
  if (query.clips()) {
    const double slope = 1 - query.gamma();
    const double clipped = slope * w + query.gamma();
    factor *= slope;
    if (std::abs(clipped) <= slope * w_error + 8 * kUnit) error = factor;
    if (clipped <= 0) factor = 0;
  }
  return factor;
}

Scores scores_of(const Query& query, const Elements<float>& dz, const AttentionParams& p) {
  Softmax s = softmax(query);
  const std::vector<double> share = probability_error(s);
  const std::vector<double> w = s.probability;
  Scores out;
  const std::size_t terms = query.terms();
  std::vector<double> w_error;
  for (std::size_t j = 0; j < terms; ++j) w_error.push_back(1.05 * w[j] * share[j] + kTiny);
  out.p_error = w_error;
  edit_probabilities(query, s, out.p_error);
  out.p = s.probability;
  std::vector<double> dw(terms);
  std::vector<double> dw_error(terms);
  double mean = 0;
  double mean_error = 0;
  const std::size_t summed = terms - (s.always ? 1 : 0);
  for (std::size_t j = 0; j < terms; ++j) {
    double magnitude = 0;
    for (std::size_t d = 0; d < p.head_dim; ++d) {
      const double product = static_cast<double>(dz[query.output() + d]) * query.value(j, d);
      dw[j] += product;
      magnitude += std::abs(product);
    }
    double off = 0;
    const double factor = passed(query, j, w[j], w_error[j], off);
    const double largest = std::max(factor, off);
    dw_error[j] = p.head_dim * (kUnit * magnitude + kTiny) * largest + off * magnitude +
                  2 * kUnit * largest * magnitude;
    dw[j] *= factor;
    if (j >= summed || !s.sums_to_one) continue;
    mean += w[j] * dw[j];
    mean_error += w_error[j] * std::abs(dw[j]) + w[j] * dw_error[j] +
                  static_cast<double>(terms + 2) * kUnit * w[j] * std::abs(dw[j]);
  }
  for (std::size_t j = 0; j < terms; ++j) {
    const double size = std::abs(dw[j]) + std::abs(mean);
    if (j >= summed) {
      out.ds.push_back(0);
      out.ds_error.push_back(0);
    } else if (!s.sums_to_one) {
      out.ds.push_back(w[j] * (1 - w[j]) * dw[j]);
      out.ds_error.push_back(1.05 *
                                 (w_error[j] * std::abs(dw[j]) + w[j] * (1 - w[j]) * dw_error[j] +
                                  4 * kUnit * w[j] * std::abs(dw[j])) +
                             kTiny * (1 + size));
    } else {
      out.ds.push_back(w[j] * (dw[j] - mean));
      out.ds_error.push_back(1.05 * (w_error[j] * std::abs(dw[j] - mean) +
                                     w[j] * (dw_error[j] + mean_error + 4 * kUnit * size)) +
                             kTiny * (1 + size));
    }
  }
  return out;
}

// What every query head adds: to(output, element, term, the error of its factor times the other).
template <class To>
void for_each_term(std::span<const HostView> in, const AttentionParams& p, const To& to) {
  const auto views = as_attention(in);
  const Elements<float> q(in[0]);
  const Elements<float> dz(in[4]);
  const auto scale = static_cast<double>(p.scale);
  std::size_t sequence = 0;
  for_each_query(views, p, [&](const Query& query) {
    const Scores s = scores_of(query, dz, p);
    const std::size_t row = query.output() / p.head_dim / p.heads;
    while (row >= sequence_rows(in[3], sequence, p.rows).end) ++sequence;
    const std::size_t first_row = row - (query.position() - query.first());
    const std::size_t kv_head = query.head() / (p.heads / p.kv_heads);
    for (std::size_t j = 0; j < query.terms(); ++j) {
      const bool extra = j >= query.keys();
      const std::size_t of_key = extra ? sequence : first_row + j;
      const std::size_t key = (of_key * p.kv_heads + kv_head) * p.head_dim;
      for (std::size_t d = 0; d < p.head_dim; ++d) {
        const auto own = static_cast<double>(q[query.output() + d]);
        const auto other = query.key(j, d);
        const auto given = static_cast<double>(dz[query.output() + d]);
        to(0, query.output() + d, scale * s.ds[j] * other, std::abs(scale * other) * s.ds_error[j]);
        if (!extra || query.has(TEPUI_ATTEND_EXTRA_KEY))
          to(extra ? 3 : 1, key + d, scale * s.ds[j] * own, std::abs(scale * own) * s.ds_error[j]);
        if (!extra || query.has(TEPUI_ATTEND_EXTRA_VALUE))
          to(extra ? 4 : 2, key + d, s.p[j] * given, std::abs(given) * s.p_error[j]);
      }
    }
  });
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  std::array<std::vector<double>, 5> sums;
  for (std::size_t o = 0; o < 5; ++o) sums[o].resize(out[o].as<float>().size());
  for_each_term(
      in, bytes.as<AttentionParams>(),
      [&](std::size_t output, std::size_t i, double term, double) { sums[output][i] += term; });
  for (std::size_t o = 0; o < 5; ++o)
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
  static constexpr Op kOp{"attention_grad", 8, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
