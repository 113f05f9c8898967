// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "ops/attention_query.h"
#include "ops/check.h"

namespace tepui {
namespace {

constexpr std::uint32_t kNoToken = 0xffffffff;

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionStatsParams>();
  const auto q_dim = std::uint64_t{p.of.heads} * p.of.head_dim;
  const auto kv_dim = std::uint64_t{p.of.kv_heads} * p.of.head_dim;
  OperandCheck check("attention_stats", in,
                     {"q", "k", "offsets", "bias", "marked", "edits", "extra_key"});
  check_edits(check, in, 5, p.of, p.of.rows);
  check_form(check, in, 6, p.of, false);
  return check
      .holds(p.of.head_dim > 0 && p.of.kv_heads > 0 && p.of.heads > 0 &&
                 p.of.heads % p.of.kv_heads == 0,
             fmt::format("expected heads to be a multiple of kv_heads, found {} and {} of width {}",
                         p.of.heads, p.of.kv_heads, p.of.head_dim))
      .holds(p.of.cached == 0, "expected queries for all keys, found earlier keys")
      .holds(p.marked > 0, "expected room for one marked token at least")
      .is(0, DType::f32, shape_of(p.of.rows, q_dim))
      .is(1, DType::f32, shape_of(p.of.rows, kv_dim))
      .is(2, DType::i32, shape_of(std::uint64_t{p.of.sequences} + 1))
      .holds((p.of.bias_positions != 0) == (in.size() > 3 && in[3].present()),
             "expected a key bias exactly where it has positions")
      .is_absent_or(3, DType::f32, shape_of(p.of.heads, p.of.bias_positions))
      .is(4, DType::u32, shape_of(p.of.sequences, p.marked))
      .gives({{DType::f32, shape_of(p.of.rows, p.of.heads, 2)},
              {DType::f32, shape_of(p.of.rows, p.of.heads)},
              {DType::f32, shape_of(p.of.rows, std::uint64_t{p.marked} * p.of.heads)}});
}

// What a query gives its keys behind edits, and the softmax that it comes from.
struct Given {
  Softmax softmax;
  std::vector<double> probability;
  std::vector<double> error;  // of each, absolute
};

Given given_by(const Query& query) {
  Given given;
  given.softmax = softmax(query);
  given.error = probability_error(given.softmax);
  Softmax edited = given.softmax;
  for (std::size_t j = 0; j < query.terms(); ++j) given.error[j] *= edited.probability[j];
  edit_probabilities(query, edited, given.error);
  given.probability = std::move(edited.probability);
  return given;
}

// Calls body(query, what it gives, sequence, the sequence's first row) for every query of every
// head.
template <class Body>
void for_each_given(std::span<const HostView> in, const AttentionStatsParams& p, const Body& body) {
  const auto operands = without_values(in, 5);
  std::size_t s = 0;
  for_each_query(operands, p.of, [&](const Query& query) {
    const std::size_t row = query.output() / p.of.head_dim / p.of.heads;
    while (row >= sequence_rows(in[2], s, p.of.rows).end) ++s;
    body(query, given_by(query), s, sequence_rows(in[2], s, p.of.rows).begin);
  });
}

double entropy_term(double p) { return p > 0 ? -p * std::log(p) : 0; }

double entropy_of(const std::vector<double>& probability) {
  double entropy = 0;
  for (const double p : probability) entropy += entropy_term(p);
  return entropy;
}

// Where `key`, a position, is among the keys that the query sees; nothing if it is not.
bool sees(const Query& query, std::uint32_t key) {
  return key != kNoToken && key >= query.first() && key <= query.last();
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionStatsParams>();
  const Elements<std::uint32_t> marked(in[4]);
  const auto received = out[0].as<float>();
  const auto entropy = out[1].as<float>();
  const auto chosen = out[2].as<float>();
  std::vector<double> sums(received.size(), 0.0);
  for_each_given(
      in, p, [&](const Query& query, const Given& s, std::size_t sequence, std::size_t begin) {
        const std::size_t row = begin + query.position();
        const std::size_t head = query.head();
        for (std::size_t j = 0; j < query.keys(); ++j) {
          const std::size_t key = begin + query.first() + j;
          double* sum = &sums[(key * p.of.heads + head) * 2];
          sum[0] += s.probability[j];
          if (query.position() < p.early) sum[1] += s.probability[j];
        }
        entropy[row * p.of.heads + head] = static_cast<float>(entropy_of(s.probability));
        for (std::size_t m = 0; m < p.marked; ++m) {
          const std::uint32_t key = marked[sequence * p.marked + m];
          chosen[(row * p.marked + m) * p.of.heads + head] =
              sees(query, key) ? static_cast<float>(s.probability[key - query.first()]) : 0.0F;
        }
      });
  for (std::size_t i = 0; i < sums.size(); ++i) received[i] = static_cast<float>(sums[i]);
}

// With d_j the shares by which the probabilities may be wrong: received and chosen by their sums,
// and the roundings of these. The entropy's derivative by ln p_j is -p_j (ln p_j + entropy), what
// is beyond the first order at most the square of the change; it is computed as ln Z + sum_j w_j
// |x_j| / Z with weights w_j = exp(x_j), whose sums and logarithm are rounded (2^-21 is what Vulkan
// grants a logarithm near 1). Terms of sigmoids are added by themselves.
double entropy_bound(const Softmax& s, const std::vector<double>& error) {
  const double entropy = entropy_of(s.probability);
  if (!s.sums_to_one) {
    double bound = 0;
    for (std::size_t j = 0; j < error.size(); ++j) {
      const double log = std::abs(std::log(std::max(s.probability[j], kTiny)));
      bound += s.probability[j] * (1 + log) * (error[j] * (1 + error[j]) + 0x1p-20) + 128 * kTiny;
    }
    return bound;
  }
  const double keys = static_cast<double>(s.score.size());
  double mean = 0;
  for (std::size_t j = 0; j < error.size(); ++j) mean += s.probability[j] * error[j];
  double bound = 0x1p-21 + (keys + 8) * kUnit * (1 + entropy);
  for (std::size_t j = 0; j < error.size(); ++j) {
    if (s.probability[j] <= 0) continue;
    const double change = error[j] + mean;
    bound += s.probability[j] * change * (std::abs(std::log(s.probability[j]) + entropy) + change);
    bound += s.probability[j] * std::abs(s.score[j]) * (exp_error(-s.score[j]) + 4 * kUnit);
  }
  return bound;
}

// How far off the change by edits may be: the sum over edited keys of the new term less the old
// one.
double edited_entropy_bound(const Given& given, const std::vector<double>& error) {
  double bound = 0;
  const auto term = [&](double p, double off) {
    const double log = std::abs(std::log(std::max(p, kTiny)));
    bound += off * (1 + log) + off * off / std::max(p, kTiny) +
             std::max(p, 0.0) * (0x1p-20 + 8 * kUnit * log) + kTiny * 128;
  };
  for (std::size_t j = 0; j < given.probability.size(); ++j) {
    const double before = given.softmax.probability[j];
    if (given.probability[j] == before && given.error[j] == before * error[j]) continue;
    term(before, before * error[j]);
    term(given.probability[j], given.error[j]);
  }
  return bound + 4 * kUnit * bound;
}

void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<AttentionStatsParams>();
  const Elements<std::uint32_t> marked(request.in[4]);
  std::fill(bound.begin(), bound.end(), 0.0);
  for_each_given(
      request.in, p,
      [&](const Query& query, const Given& given, std::size_t sequence, std::size_t begin) {
        const std::size_t row = begin + query.position();
        const std::size_t head = query.head();
        if (request.output == 1) {
          const std::vector<double> error = probability_error(given.softmax);
          bound[row * p.of.heads + head] =
              entropy_bound(given.softmax, error) + edited_entropy_bound(given, error);
          return;
        }
        if (request.output == 2) {
          for (std::size_t m = 0; m < p.marked; ++m) {
            const std::uint32_t key = marked[sequence * p.marked + m];
            if (!sees(query, key)) continue;
            const std::size_t j = key - query.first();
            bound[(row * p.marked + m) * p.of.heads + head] =
                given.error[j] + std::abs(given.probability[j]) * 2 * kUnit + 2 * kTiny;
          }
          return;
        }
        // A sum of at most as many terms as the sequence has rows.
        const SequenceRows rows = sequence_rows(request.in[2], sequence, p.of.rows);
        const double sums = static_cast<double>(rows.end - rows.begin + 2) * kUnit;
        for (std::size_t j = 0; j < query.keys(); ++j) {
          const double own = given.error[j] + std::abs(given.probability[j]) * sums + 2 * kTiny;
          double* to = &bound[((begin + query.first() + j) * p.of.heads + head) * 2];
          to[0] += own;
          if (query.position() < p.early) to[1] += own;
        }
      });
}

// As attention without its values' half.
double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionStatsParams>().of;
  if (p.sequences == 0) return 0;
  const double pairs = 0.5 * p.rows * (static_cast<double>(p.rows) / p.sequences + 1);
  return 2 * pairs * p.heads * p.head_dim;
}

}  // namespace

const Op& attention_stats_op() {
  static constexpr Op kOp{"attention_stats", 7, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
