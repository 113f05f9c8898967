// SPDX-License-Identifier: MIT
// The end of a cross-entropy: the loss of each row from its folded state, and what the gradients of
// its logits are made of.
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer_as(std::string_view name, std::span<const TensorType> in,
                       const ParamBytes& bytes, Shape (*shape)(uint rows)) {
  const auto p = bytes.as<LossParams>();
  return OperandCheck(name, in, {"state", "weight"})
      .is(0, DType::f32, shape_of(p.rows, 3U))
      .is_absent_or(1, DType::f32, shape_of(p.rows))
      .gives({{DType::f32, shape(p.rows)}});
}

Result<Types> infer_nll(std::span<const TensorType> in, const ParamBytes& bytes) {
  return infer_as("nll", in, bytes, [](uint rows) { return shape_of(rows); });
}

Result<Types> infer_nll_grad(std::span<const TensorType> in, const ParamBytes& bytes) {
  return infer_as("nll_grad", in, bytes, [](uint rows) { return shape_of(rows, 2U); });
}

struct RowState {
  double largest;
  double log_sum;
  double target;
  double weight;
};

RowState row_state(std::span<const HostView> in, std::size_t r) {
  const Elements<float> state(in[0]);
  const Elements<float> weight(in[1]);
  return {static_cast<double>(state[3 * r]), std::log(static_cast<double>(state[3 * r + 1])),
          static_cast<double>(state[3 * r + 2]),
          in[1].present() ? static_cast<double>(weight[r]) : 1};
}

// Vulkan grants a logarithm 3 ulp, or 2^-21 between 1/2 and 2; then the sum of it and the largest.
double log_sum_error(const RowState& row) {
  return 8 * kUnit * std::abs(row.log_sum) + 0x1p-20 +
         2 * kUnit * (std::abs(row.largest) + std::abs(row.largest + row.log_sum));
}

void reference_nll(std::span<const HostView> in, std::span<const MutableHostView> out,
                   const ParamBytes& bytes) {
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < bytes.as<LossParams>().rows; ++r) {
    const RowState row = row_state(in, r);
    const double loss = row.largest + row.log_sum - row.target;
    y[r] = row.weight == 0 ? 0 : static_cast<float>(row.weight * loss);
  }
}

void bound_nll(const BoundRequest& request, std::span<double> bound) {
  for (std::size_t r = 0; r < bound.size(); ++r) {
    const RowState row = row_state(request.in, r);
    const double loss = row.largest + row.log_sum - row.target;
    const double error = log_sum_error(row) + 4 * kUnit * (std::abs(row.target) + std::abs(loss));
    bound[r] = row.weight == 0 ? 0 : std::abs(row.weight) * error + kTiny;
  }
}

void reference_nll_grad(std::span<const HostView> in, std::span<const MutableHostView> out,
                        const ParamBytes& bytes) {
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < bytes.as<LossParams>().rows; ++r) {
    const RowState row = row_state(in, r);
    y[2 * r] = static_cast<float>(row.largest + row.log_sum);
    y[2 * r + 1] = static_cast<float>(row.weight);
  }
}

void bound_nll_grad(const BoundRequest& request, std::span<double> bound) {
  for (std::size_t r = 0; r < bound.size() / 2; ++r) {
    bound[2 * r] = log_sum_error(row_state(request.in, r));
    bound[2 * r + 1] = 0;
  }
}

Status gradient_nll(GradientBuilder& at) {
  TEPUI_TRY(expect_loss(at));
  if (at.wants(1))
    return fail(ErrorKind::unsupported, "differentiate: nll: the weights of rows are constants");
  at.give(0, at.builder().nll_grad(at.in(0), at.in(1), at.name(0)));
  return {};
}

}  // namespace

const Op& nll_op() {
  static constexpr Op kOp{"nll", 2, infer_nll, reference_nll, bound_nll, nullptr, gradient_nll};
  return kOp;
}

const Op& nll_grad_op() {
  static constexpr Op kOp{"nll_grad",     2,      infer_nll_grad, reference_nll_grad,
                          bound_nll_grad, nullptr};
  return kOp;
}

}  // namespace tepui
