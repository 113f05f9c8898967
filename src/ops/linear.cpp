// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/activation.h"
#include "ops/check.h"

namespace tepui {

namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<LinearParams>();
  return Check("linear", in)
      .is(0, "x", f32({p.rows, p.k}))
      .is(1, "weight", {DType::packed, Shape{p.n, p.k}})
      .optional(2, "bias", f32({p.n}))
      .optional(3, "residual", f32({p.rows, p.n}))
      .holds(known_activation(p.act), "unknown activation")
      .gives({f32({p.rows, p.n})});
}

// The sum before the activation.
double product(std::span<const HostView> in, const LinearParams& p, std::size_t r, std::size_t n) {
  const auto x = in[0].as<float>();
  const auto w = in[1].as<float>();
  double sum = 0;
  for (std::size_t k = 0; k < p.k; ++k)
    sum += static_cast<double>(x[r * p.k + k]) * static_cast<double>(w[n * p.k + k]);
  return in[2].present() ? sum + static_cast<double>(in[2].as<float>()[n]) : sum;
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<LinearParams>();
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    for (std::size_t n = 0; n < p.n; ++n) {
      double value = activate(p.act, product(in, p, r, n));
      if (in[3].present()) value += static_cast<double>(in[3].as<float>()[r * p.n + n]);
      y[r * p.n + n] = static_cast<float>(value);
    }
  }
}

// Blocks of 256 fused multiply-adds, then a sum over the blocks: (256 + K / 256) / 2 roundings of
// partial sums, none above sum |x w|; then one rounding each for bias, activation and residual.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<LinearParams>();
  const auto x = request.in[0].as<float>();
  const auto w = request.in[1].as<float>();
  const double chain = std::min<double>(p.k, 256.0 + std::ceil(p.k / 256.0)) + 2.0;
  for (std::size_t r = 0; r < p.rows; ++r) {
    for (std::size_t n = 0; n < p.n; ++n) {
      double met = 0;
      for (std::size_t k = 0; k < p.k; ++k)
        met += std::abs(static_cast<double>(x[r * p.k + k]) * static_cast<double>(w[n * p.k + k]));
      const double before = product(request.in, p, r, n);
      const double error = 0.5 * kEpsilon * (chain * met + std::abs(before));
      const double expected = static_cast<double>(request.expected[0].as<float>()[r * p.n + n]);
      bound[r * p.n + n] =
          activation_bound(p.act, before, error) + kEpsilon * std::abs(expected) + 1e-45;
    }
  }
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<LinearParams>();
  return 2.0 * p.rows * p.n * p.k;
}

const Op kOp{"linear", 4, infer, reference, bound, flops};

}  // namespace

const Op& linear_op() { return kOp; }

}  // namespace tepui
