// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<TileParams>();
  return OperandCheck("divergence", in, {"p", "q", "state"})
      .is(0, DType::f32, shape_of(p.rows, p.tile))
      .is(1, DType::f32, shape_of(p.rows, p.tile))
      .is(2, DType::f32, shape_of(p.rows, 3U))
      .gives({{DType::f32, shape_of(p.rows, 3U)}});
}

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
  const auto params = bytes.as<TileParams>();
  const Elements<float> p(in[0]);
  const Elements<float> q(in[1]);
  const Elements<float> state(in[2]);
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < params.rows; ++r) {
    const auto before = static_cast<double>(state[3 * r]);
    const double largest = largest_of(p, r * params.tile, params.tile, before);
    const double old = term(before, largest);
    double sum = static_cast<double>(state[3 * r + 1]) * old;
    double weighted = static_cast<double>(state[3 * r + 2]) * old;
    for (std::size_t i = r * params.tile; i < (r + 1) * params.tile; ++i) {
      const auto x = static_cast<double>(p[i]);
      const double weight = term(x, largest);
      if (x == kNothing) continue;
      sum += weight;
      weighted += weight * (x - static_cast<double>(q[i]));
    }
    y[3 * r] = static_cast<float>(largest);
    y[3 * r + 1] = static_cast<float>(sum);
    y[3 * r + 2] = static_cast<float>(weighted);
  }
}

// The largest is a copy; the sums as in cross_entropy, the second with a difference and a product
// more in each of its terms, which may have either sign.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto params = request.params.as<TileParams>();
  const Elements<float> p(request.in[0]);
  const Elements<float> q(request.in[1]);
  const Elements<float> state(request.in[2]);
  for (std::size_t r = 0; r < params.rows; ++r) {
    const auto before = static_cast<double>(state[3 * r]);
    const double largest = largest_of(p, r * params.tile, params.tile, before);
    const double adding = (params.tile + 4.0) * kUnit;
    double sum = 0;
    double weighted = 0;
    const auto count = [&](double x, double times, double difference) {
      if (x == kNothing) return;
      const double error = term(x, largest) * (exp_error(largest - x) + adding) + kTiny;
      sum += times * error;
      weighted += std::abs(difference) * error + kTiny;
    };
    count(before, static_cast<double>(state[3 * r + 1]), static_cast<double>(state[3 * r + 2]));
    for (std::size_t i = r * params.tile; i < (r + 1) * params.tile; ++i) {
      const auto x = static_cast<double>(p[i]);
      count(x, 1, x - static_cast<double>(q[i]));
    }
    bound[3 * r] = 0;
    bound[3 * r + 1] = sum;
    bound[3 * r + 2] = weighted;
  }
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<TileParams>();
  return 6.0 * p.rows * p.tile;
}

}  // namespace

const Op& divergence_op() {
  static constexpr Op kOp{"divergence", 3, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
