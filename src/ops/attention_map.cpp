// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include "ops/attention_query.h"
#include "ops/check.h"

namespace tepui {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionMapParams>();
  const auto q_dim = std::uint64_t{p.of.heads} * p.of.head_dim;
  const auto kv_dim = std::uint64_t{p.of.kv_heads} * p.of.head_dim;
  OperandCheck check("attention_map", in, {"q", "k", "offsets", "bias", "edits", "extra_key"});
  check_edits(check, in, 4, p.of, p.of.rows);
  check_form(check, in, 5, p.of, false);
  return check
      .holds(p.of.head_dim > 0 && p.of.kv_heads > 0 && p.of.heads > 0 &&
                 p.of.heads % p.of.kv_heads == 0,
             fmt::format("expected heads to be a multiple of kv_heads, found {} and {} of width {}",
                         p.of.heads, p.of.kv_heads, p.of.head_dim))
      .holds(p.of.cached == 0, "expected queries for all keys, found earlier keys")
      .holds(p.count > 0 && p.first < p.of.heads && p.count <= p.of.heads - p.first,
             fmt::format("expected some of {} heads, found {} from {} on", p.of.heads, p.count,
                         p.first))
      .is(0, DType::f32, shape_of(p.of.rows, q_dim))
      .is(1, DType::f32, shape_of(p.of.rows, kv_dim))
      .is(2, DType::i32, shape_of(std::uint64_t{p.of.sequences} + 1))
      .holds((p.of.bias_positions != 0) == (in.size() > 3 && in[3].present()),
             "expected a key bias exactly where it has positions")
      .is_absent_or(3, DType::f32, shape_of(p.of.heads, p.of.bias_positions))
      .gives({{DType::f32, shape_of(p.cells)}, {DType::f32, shape_of(p.cells)}});
}

// Where the cells of each sequence begin, and how many tokens of it the map has.
struct Area {
  std::size_t cells = 0;
  std::size_t tokens = 0;
};

std::vector<Area> areas_of(const HostView& offsets, const AttentionMapParams& p) {
  std::vector<Area> areas;
  std::size_t cells = 0;
  for (std::size_t s = 0; s < p.of.sequences; ++s) {
    const SequenceRows rows = sequence_rows(offsets, s, p.of.rows);
    const std::size_t tokens = std::min<std::size_t>(rows.end - rows.begin, p.tokens);
    areas.push_back({cells, tokens});
    cells += tokens * tokens;
  }
  TEPUI_ASSERT(cells == p.cells);
  return areas;
}

// Calls body(query, the first of its cells, how many of its keys have one) for the queries of the
// map, head by head.
template <class Body>
void for_each_mapped(std::span<const HostView> in, const AttentionMapParams& p, const Body& body) {
  const std::vector<Area> areas = areas_of(in[2], p);
  const auto operands = without_values(in, 4);
  std::size_t s = 0;
  for_each_query(operands, p.of, [&](const Query& query) {
    const std::size_t row = query.output() / p.of.head_dim / p.of.heads;
    while (row >= sequence_rows(in[2], s, p.of.rows).end) ++s;
    if (query.head() < p.first || query.head() >= p.first + p.count) return;
    const std::size_t tokens = areas[s].tokens;
    if (query.position() < tokens)
      body(query, areas[s].cells + query.position() * tokens,
           std::min(query.keys(), tokens - query.first()));
  });
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<AttentionMapParams>();
  std::vector<double> score(p.cells, -kInfinity);
  std::vector<double> probability(p.cells, 0.0);
  for_each_mapped(in, p, [&](const Query& query, std::size_t cell, std::size_t keys) {
    Softmax s = softmax(query);
    std::vector<double> error(query.terms());
    edit_probabilities(query, s, error);
    for (std::size_t j = 0; j < keys; ++j) {
      const std::size_t at = cell + query.first() + j;
      if (query.head() == p.first) score[at] = 0;
      score[at] += (s.score[j] + s.largest) / p.count;
      probability[at] += s.probability[j] / p.count;
    }
  });
  for (std::size_t i = 0; i < p.cells; ++i) {
    out[0].as<float>()[i] = static_cast<float>(score[i]);
    out[1].as<float>()[i] = static_cast<float>(probability[i]);
  }
}

// The errors of the scores and of the probabilities, and the roundings of their means.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<AttentionMapParams>();
  const double sums = (p.count + 2.0) * kUnit;
  std::fill(bound.begin(), bound.end(), 0.0);
  for_each_mapped(request.in, p, [&](const Query& query, std::size_t cell, std::size_t keys) {
    Softmax s = softmax(query);
    std::vector<double> error = probability_error(s);
    for (std::size_t j = 0; j < query.terms(); ++j) error[j] *= s.probability[j];
    edit_probabilities(query, s, error);
    for (std::size_t j = 0; j < keys; ++j) {
      const double own = request.output == 0 ? s.error[j] + sums * std::abs(s.score[j] + s.largest)
                                             : error[j] + std::abs(s.probability[j]) * sums;
      bound[cell + query.first() + j] += own / p.count + kTiny;
    }
  });
}

}  // namespace

const Op& attention_map_op() {
  static constexpr Op kOp{"attention_map", 6, infer, reference, bound, nullptr};
  return kOp;
}

}  // namespace tepui
