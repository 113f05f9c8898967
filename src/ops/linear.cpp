// SPDX-License-Identifier: MIT
// The sum with its bias, the activation and the residual sum are each rounded to f32, so that a
// linear step with epilogues is the same, bit for bit, as the steps that it was fused from.
#include <cmath>

#include "ops/activation.h"
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<LinearParams>();
  return OperandCheck("linear", in, {"x", "weight", "bias", "residual"})
      .holds(p.n > 0 && p.k > 0, "expected a matrix that is not empty")
      .holds(known_activation(p.act), "unknown activation")
      .is(0, DType::f32, shape_of(p.rows, p.k))
      .is_packed_matrix(1, shape_of(p.n, p.k))
      .is_absent_or(2, DType::f32, shape_of(p.n))
      .is_absent_or(3, DType::f32, shape_of(p.rows, p.n))
      .gives({{DType::f32, shape_of(p.rows, p.n)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<LinearParams>();
  const Elements<float> x(in[0]);
  const Elements<float> w(in[1]);
  const Elements<float> bias(in[2]);
  const Elements<float> residual(in[3]);
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    for (std::size_t n = 0; n < p.n; ++n) {
      double sum = 0;
      for (std::size_t k = 0; k < p.k; ++k) {
        sum += static_cast<double>(x[r * p.k + k]) * static_cast<double>(w[n * p.k + k]);
      }
      if (in[2].present()) sum += static_cast<double>(bias[n]);
      auto value = static_cast<float>(sum);
      if (p.act != TEPUI_ACT_NONE) {
        value = static_cast<float>(activate(p.act, static_cast<double>(value)));
      }
      if (in[3].present()) value = residual[r * p.n + n] + value;
      y[r * p.n + n] = value;
    }
  }
}

// K eps sum |x_k w_k| for the chain; eps of chain, bias and sum for adding the bias; that stretched
// by the activation; the activation's own error; eps of the result where a residual is added.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<LinearParams>();
  const Elements<float> x(request.in[0]);
  const Elements<float> w(request.in[1]);
  const Elements<float> bias(request.in[2]);
  const Elements<float> expected(request.expected[0]);
  for (std::size_t r = 0; r < p.rows; ++r) {
    for (std::size_t n = 0; n < p.n; ++n) {
      double sum = 0;
      double magnitude = 0;
      for (std::size_t k = 0; k < p.k; ++k) {
        const double product =
            static_cast<double>(x[r * p.k + k]) * static_cast<double>(w[n * p.k + k]);
        sum += product;
        magnitude += std::abs(product);
      }
      double error = static_cast<double>(p.k) * (kUnit * magnitude + kTiny);
      if (request.in[2].present()) {
        const auto b = static_cast<double>(bias[n]);
        sum += b;
        error += kUnit * std::abs(b);
      }
      error += 2 * kUnit * std::abs(sum);
      double total = activation_slope(p.act) * error + activation_error(p.act, sum);
      if (request.in[3].present()) {
        total += 2 * kUnit * std::abs(static_cast<double>(expected[r * p.n + n]));
      }
      bound[r * p.n + n] = total;
    }
  }
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<LinearParams>();
  return 2.0 * p.rows * p.n * p.k;
}

// dx = dy W, dW = dy^T x, each a product like the forward one. Where an activation rides on the
// step its argument is computed once more.
Status gradient(GradientBuilder& at) {
  Builder& b = at.builder();
  const auto p = at.params<LinearParams>();
  Value dy = at.of_out();
  at.give(3, dy);
  if (p.act != TEPUI_ACT_NONE) {
    const Value sum = b.linear(at.in(0), at.in(1), at.in(2), kNone, TEPUI_ACT_NONE,
                               fmt::format("{} once more", b.program().info(at.out()).name));
    dy = b.act_grad(sum, dy, kNone, p.act, "gradient of the sum");
  }
  if (at.wants(2)) at.give(2, b.column_sum(dy, p.n, at.name(2)));
  if (at.wants(1)) {
    const Value x = b.pack(at.in(0), true, "x packed");
    const Value turned = b.transpose(dy, "dy transposed");
    at.give(1, b.linear(turned, x, kNone, kNone, TEPUI_ACT_NONE, at.name(1)));
  }
  if (at.wants(0)) {
    TEPUI_TRY(const Value back, at.transposed(at.in(1)));
    at.give(0, b.linear(dy, back, kNone, kNone, TEPUI_ACT_NONE, at.name(0)));
  }
  return {};
}

}  // namespace

const Op& linear_op() {
  static constexpr Op kOp{"linear", 4, infer, reference, bound, flops, gradient};
  return kOp;
}

}  // namespace tepui
