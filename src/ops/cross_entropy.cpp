// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<TileParams>();
  return OperandCheck("cross_entropy", in, {"logits", "targets", "state"})
      .is(0, DType::f32, shape_of(p.rows, p.tile))
      .is(1, DType::i32, shape_of(p.rows))
      .is(2, DType::f32, shape_of(p.rows, 3U))
      .gives({{DType::f32, shape_of(p.rows, 3U)}});
}

// exp(x - largest); a term of exactly nothing stays nothing where the largest is nothing as well.
double term(double x, double largest) { return x == kNothing ? 0 : std::exp(x - largest); }

double largest_of(const Elements<float>& logits, std::size_t first, std::size_t tile,
                  double largest) {
  for (std::size_t i = 0; i < tile; ++i) {
    const auto x = static_cast<double>(logits[first + i]);
    if (x > largest) largest = x;
  }
  return largest;
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<TileParams>();
  const Elements<float> logits(in[0]);
  const Elements<std::int32_t> targets(in[1]);
  const Elements<float> state(in[2]);
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    const auto before = static_cast<double>(state[3 * r]);
    const double largest = largest_of(logits, r * p.tile, p.tile, before);
    double sum = static_cast<double>(state[3 * r + 1]) * term(before, largest);
    for (std::size_t i = 0; i < p.tile; ++i) {
      sum += term(static_cast<double>(logits[r * p.tile + i]), largest);
    }
    const std::int64_t column = std::int64_t{targets[r]} - std::int64_t{p.first};
    const bool here = targets[r] >= 0 && column >= 0 && column < std::int64_t{p.tile};
    y[3 * r] = static_cast<float>(largest);
    y[3 * r + 1] = static_cast<float>(sum);
    y[3 * r + 2] = here ? logits[r * p.tile + static_cast<std::size_t>(column)] : state[3 * r + 2];
  }
}

// The largest and the target's logit are copies. The sum: each term's exponential, whose argument
// x - max is rounded, and tile * eps of the sum, whose terms cannot cancel.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<TileParams>();
  const Elements<float> logits(request.in[0]);
  const Elements<float> state(request.in[2]);
  for (std::size_t r = 0; r < p.rows; ++r) {
    const auto before = static_cast<double>(state[3 * r]);
    const double largest = largest_of(logits, r * p.tile, p.tile, before);
    const double adding = (p.tile + 2.0) * kUnit;
    double error = 0;
    const auto count = [&](double x, double times) {
      if (x == kNothing) return;
      error += times * (term(x, largest) * (exp_error(largest - x) + adding) + kTiny);
    };
    count(before, static_cast<double>(state[3 * r + 1]));
    for (std::size_t i = 0; i < p.tile; ++i) {
      count(static_cast<double>(logits[r * p.tile + i]), 1);
    }
    bound[3 * r] = 0;
    bound[3 * r + 1] = error;
    bound[3 * r + 2] = 0;
  }
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<TileParams>();
  return 3.0 * p.rows * p.tile;
}

// What the loss behind it gave stands for the gradient of every state (ops/train_params.h).
Status gradient(GradientBuilder& at) {
  const auto p = at.params<TileParams>();
  const Value normaliser = at.of_out();
  if (at.wants(0))
    at.give(0,
            at.builder().cross_entropy_grad(at.in(0), at.in(1), normaliser, p.first, at.name(0)));
  at.give(2, normaliser);
  return {};
}

}  // namespace

const Op& cross_entropy_op() {
  static constexpr Op kOp{"cross_entropy", 3, infer, reference, bound, flops, gradient};
  return kOp;
}

}  // namespace tepui
