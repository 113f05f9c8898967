// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <utility>

#include "ops/attention_query.h"
#include "ops/check.h"
#include "ops/gradient.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionParams>();
  const auto q_dim = std::uint64_t{p.heads} * p.head_dim;
  const auto kv_dim = std::uint64_t{p.kv_heads} * p.head_dim;
  const std::uint64_t ends = std::uint64_t{p.sequences} + 1;
  const std::uint64_t keys = rows_of_keys(p);
  const Shape kv = by_head(p) ? shape_of(keys * p.kv_heads, p.head_dim) : shape_of(keys, kv_dim);
  OperandCheck check(
      "attention", in,
      {"q", "k", "v", "offsets", "bias", "edits", "extra_key", "extra_value", "drop_key"});
  check_edits(check, in, 5, p, keys);
  check_form(check, in, 6, p, true);
  return check
      .holds(p.head_dim > 0 && p.kv_heads > 0 && p.heads > 0 && p.heads % p.kv_heads == 0,
             fmt::format("expected heads to be a multiple of kv_heads, found {} and {} of width {}",
                         p.heads, p.kv_heads, p.head_dim))
      .is(0, DType::f32, shape_of(p.rows, q_dim))
      .is(1, DType::f32, kv)
      .is(2, DType::f32, kv)
      .is(3, DType::i32, p.cached != 0 ? shape_of(3, ends) : shape_of(ends))
      .holds(p.softcap >= 0, "expected a softcap above 0, or 0 for none")
      .holds((p.bias_positions != 0) == (in.size() > 4 && in[4].present()),
             "expected a key bias exactly where it has positions")
      .is_absent_or(4, DType::f32, shape_of(p.heads, p.bias_positions))
      .gives({{DType::f32, shape_of(p.rows, q_dim)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionParams>();
  const auto y = out[0].as<float>();
  for_each_query(in, p, [&](const Query& query) {
    Softmax s = softmax(query);
    std::vector<double> error(query.terms());
    edit_probabilities(query, s, error);
    for (std::size_t d = 0; d < p.head_dim; ++d) {
      double sum = 0;
      for (std::size_t j = 0; j < query.terms(); ++j) sum += s.probability[j] * query.value(j, d);
      y[query.output() + d] = static_cast<float>(sum);
    }
  });
}

void bound_apart(const Query& query, Softmax s, double sums, std::span<double> bound) {
  std::vector<double> error = probability_error(s);
  for (std::size_t j = 0; j < query.terms(); ++j) error[j] *= s.probability[j];
  edit_probabilities(query, s, error);
  for (std::size_t d = 0; d < query.head_dim(); ++d) {
    double total = 0;
    for (std::size_t j = 0; j < query.terms(); ++j) {
      const double v = std::abs(query.value(j, d));
      total += (error[j] + sums * std::abs(s.probability[j])) * v + kTiny * (1 + v);
    }
    bound[query.output() + d] = total;
  }
}

// Each key's score is wrong by e_j = head_dim eps sum|q k| scale, which a softcap shrinks by its
// slope and adds its own error to, and by the roundings of the bias, its own and that of the
// largest; its weight by f_j = exp(e_j) - 1. Numerator and denominator share the weights, so that
// the output o is wrong by sum_j p_j f_j |v_j - o|, over 1 less the mean of f. Beside that,
// exponentials and sums are rounded: (exp's error, its mean, keys eps) times sum_j p_j |v_j|.
// Probabilities that are edited, clipped or dropped, or that are sigmoids, do not belong together:
// each is off by its own error.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<AttentionParams>();
  for_each_query(request.in, p, [&](const Query& query) {
    Softmax s = softmax(query);
    const double sums = (2.0 * static_cast<double>(query.terms()) + 8) * kUnit;
    if (query.changes_probabilities() || !s.sums_to_one || s.always) {
      bound_apart(query, std::move(s), sums, bound);
      return;
    }
    std::vector<double>& factor = s.error;
    double mean = 0;
    double exp_mean = 0;
    for (std::size_t j = 0; j < query.terms(); ++j) {
      const double score = std::abs(s.score[j] + s.largest);
      factor[j] = std::expm1(s.error[j] + 2 * kUnit * (score + std::abs(s.largest)));
      mean += s.probability[j] * factor[j];
      exp_mean += s.probability[j] * exp_error(-s.score[j]);
    }
    for (std::size_t d = 0; d < p.head_dim; ++d) {
      double output = 0;
      for (std::size_t j = 0; j < query.terms(); ++j) {
        output += s.probability[j] * query.value(j, d);
      }
      double total = 0;
      for (std::size_t j = 0; j < query.terms(); ++j) {
        const double v = query.value(j, d);
        const double rounding = exp_error(-s.score[j]) + exp_mean + sums;
        total += s.probability[j] * (factor[j] * std::abs(v - output) + rounding * std::abs(v)) +
                 kTiny * (1 + std::abs(v));
      }
      bound[query.output() + d] = total / std::max(1 - mean, 0.5);
    }
  });
}

// Counted for sequences of equal length, since lengths are data: two products for each causal pair;
// all rows of `cached` keys are taken to be some sequence's.
double flops(std::span<const TensorType> /*in*/, const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionParams>();
  if (p.sequences == 0) return 0;
  const double own = static_cast<double>(p.rows) / p.sequences;
  const double keys = static_cast<double>(rows_of_keys(p)) / p.sequences;
  const double pairs = p.rows * (keys - 0.5 * (own - 1));
  return 4 * pairs * p.heads * p.head_dim;
}

Status gradient(GradientBuilder& at) {
  const auto p = at.params<AttentionParams>();
  if (p.softcap != 0 || p.bias_positions != 0 || p.cached != 0 || p.edits != 0)
    return fail(ErrorKind::unsupported,
                "differentiate: attention with a softcap, a key bias, earlier keys or edits has no "
                "gradient");
  Builder& b = at.builder();
  const auto gradient = b.attention_grad(at.step(), at.of_out(), at.name(0));
  at.give(0, gradient.dq);
  at.give(1, gradient.dk);
  at.give(2, gradient.dv);
  const std::int64_t columns = std::int64_t{p.kv_heads} * p.head_dim;
  if (at.wants(6)) at.give(6, b.column_sum(gradient.extra_key, columns, at.name(6)));
  if (at.wants(7)) at.give(7, b.column_sum(gradient.extra_value, columns, at.name(7)));
  return {};
}

}  // namespace

const Op& attention_op() {
  static constexpr Op kOp{"attention", 9, infer, reference, bound, flops, gradient};
  return kOp;
}

}  // namespace tepui
