// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<TileParams>();
  return OperandCheck("cross_entropy_grad", in, {"logits", "targets", "normaliser"})
      .is(0, DType::f32, shape_of(p.rows, p.tile))
      .is(1, DType::i32, shape_of(p.rows))
      .is(2, DType::f32, shape_of(p.rows, 2U))
      .gives({{DType::f32, shape_of(p.rows, p.tile)}});
}

// Calls body(element, its logit, log-sum-exp, weight, 1 for the target's or 0).
template <class Body>
void for_each_logit(std::span<const HostView> in, const TileParams& p, const Body& body) {
  const Elements<float> logits(in[0]);
  const Elements<std::int32_t> targets(in[1]);
  const Elements<float> normaliser(in[2]);
  for (std::size_t r = 0; r < p.rows; ++r) {
    const std::int64_t column = std::int64_t{targets[r]} - std::int64_t{p.first};
    for (std::size_t i = 0; i < p.tile; ++i) {
      const bool target = targets[r] >= 0 && column == static_cast<std::int64_t>(i);
      body(r * p.tile + i, static_cast<double>(logits[r * p.tile + i]),
           static_cast<double>(normaliser[2 * r]), static_cast<double>(normaliser[2 * r + 1]),
           target ? 1.0 : 0.0);
    }
  }
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto y = out[0].as<float>();
  for_each_logit(in, bytes.as<TileParams>(),
                 [&](std::size_t i, double x, double lse, double weight, double hit) {
                   y[i] = weight == 0 ? 0 : static_cast<float>(weight * (std::exp(x - lse) - hit));
                 });
}

// The exponential's error, whose argument is rounded; the difference and the product.
void bound(const BoundRequest& request, std::span<double> bound) {
  for_each_logit(request.in, request.params.as<TileParams>(),
                 [&](std::size_t i, double x, double lse, double weight, double hit) {
                   const double p = std::exp(x - lse);
                   const double error =
                       p * exp_error(std::abs(x - lse)) + kTiny + 3 * kUnit * std::abs(p - hit);
                   bound[i] = weight == 0 ? 0 : std::abs(weight) * error + kTiny;
                 });
}

}  // namespace

const Op& cross_entropy_grad_op() {
  static constexpr Op kOp{"cross_entropy_grad", 3, infer, reference, bound, nullptr};
  return kOp;
}

}  // namespace tepui
