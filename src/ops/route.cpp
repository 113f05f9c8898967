// SPDX-License-Identifier: MIT
// The choice is a selection and bit-equal on every backend; the weights are rounded.
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<RouteParams>();
  return OperandCheck("route", in, {"logits"})
      .holds(p.k > 0 && p.k <= p.experts && p.k <= TEPUI_MOST_CHOSEN,
             fmt::format("expected to choose 1 to {} of {} experts, found {}", TEPUI_MOST_CHOSEN,
                         p.experts, p.k))
      .is(0, DType::f32, shape_of(p.rows, p.experts))
      .gives({{DType::u32, shape_of(p.rows, p.k)}, {DType::f32, shape_of(p.rows, p.k)}});
}

// A row's experts, the largest logit first.
std::vector<std::uint32_t> ranked(const Elements<float>& logits, std::size_t first,
                                  const RouteParams& p) {
  std::vector<std::uint32_t> order;
  while (order.size() < p.k) {
    std::optional<std::uint32_t> best;
    for (std::uint32_t e = 0; e < p.experts; ++e) {
      if (std::ranges::count(order, e) != 0) continue;
      if (!best || logits[first + e] > logits[first + *best]) best = e;
    }
    order.push_back(*best);
  }
  return order;
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<RouteParams>();
  const Elements<float> logits(in[0]);
  const auto expert = out[0].as<std::uint32_t>();
  const auto weight = out[1].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    const auto order = ranked(logits, r * p.experts, p);
    const auto score = [&](std::size_t j) {
      return static_cast<double>(logits[r * p.experts + order[j]]);
    };
    double sum = 0;
    for (std::size_t j = 0; j < p.k; ++j) sum += std::exp(score(j) - score(0));
    for (std::size_t j = 0; j < p.k; ++j) {
      expert[r * p.k + j] = order[j];
      weight[r * p.k + j] = static_cast<float>(std::exp(score(j) - score(0)) / sum);
    }
  }
}

// The exponential's error and that of its argument's rounding, those of the sum, and the roundings
// of k terms and the quotient.
void bound(const BoundRequest& request, std::span<double> bound) {
  if (request.output == 0) {  // a selection is exact
    std::ranges::fill(bound, 0.0);
    return;
  }
  const auto p = request.params.as<RouteParams>();
  const Elements<float> logits(request.in[0]);
  const Elements<std::uint32_t> expert(request.expected[0]);
  const Elements<float> weight(request.expected[1]);
  for (std::size_t r = 0; r < p.rows; ++r) {
    const auto score = [&](std::size_t j) {
      return static_cast<double>(logits[r * p.experts + expert[r * p.k + j]]);
    };
    double mean = 0;
    const auto error = [&](std::size_t j) {
      const double away = score(0) - score(j);
      return exp_error(away) + kUnit * away;
    };
    for (std::size_t j = 0; j < p.k; ++j)
      mean += error(j) * static_cast<double>(weight[r * p.k + j]);
    for (std::size_t j = 0; j < p.k; ++j) {
      bound[r * p.k + j] =
          (error(j) + mean + (p.k + 4.0) * kUnit) * static_cast<double>(weight[r * p.k + j]) +
          kTiny;
    }
  }
}

}  // namespace

const Op& route_op() {
  static constexpr Op kOp{"route", 1, infer, reference, bound, nullptr};
  return kOp;
}

}  // namespace tepui
