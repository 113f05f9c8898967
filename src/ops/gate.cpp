// SPDX-License-Identifier: MIT
// One factor for each group of a row's channels (a head, or the whole row), and its gradient.
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

OperandCheck& check_gate(OperandCheck& check, std::span<const TensorType> in, const GateParams& p,
                         const Shape& x) {
  const auto there = [&](std::size_t i) { return in.size() > i && in[i].present(); };
  return check
      .holds(p.groups > 0 && p.dim > 0 && (p.act == TEPUI_ACT_NONE || p.act == TEPUI_ACT_SIGMOID),
             "expected groups of at least one channel, and a sigmoid or none")
      .holds(there(2) == there(3), "expected what gates and its weight, or neither")
      .is(0, DType::f32, x)
      .is(1, DType::f32, shape_of(p.groups))
      .is_absent_or(2, DType::f32, x)
      .is_absent_or(3, DType::f32, shape_of(std::uint64_t{p.groups} * p.dim));
}

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<GateParams>();
  const Shape x = shape_of(p.rows, std::uint64_t{p.groups} * p.dim);
  OperandCheck check("gate", in, {"x", "bias", "of", "weight"});
  return check_gate(check, in, p, x).gives({{DType::f32, x}});
}

Result<Types> infer_grad(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<GateParams>();
  const Shape x = shape_of(p.rows, std::uint64_t{p.groups} * p.dim);
  OperandCheck check("gate_grad", in, {"x", "bias", "of", "weight", "dy"});
  return check_gate(check, in, p, x)
      .is(4, DType::f32, x)
      .gives({{DType::f32, x},
              {DType::f32, shape_of(p.rows, p.groups)},
              {DType::f32, x},
              {DType::f32, x}});
}

// The factor of one group of a row, and how far off it may be.
struct Factor {
  double value;
  double error;
  double slope;  // d value / d its sum
  double slope_error;
};

Factor factor_of(std::span<const HostView> in, const GateParams& p, std::size_t row,
                 std::size_t group) {
  const Elements<float> of(in[2]);
  const Elements<float> weight(in[3]);
  double sum = static_cast<double>(Elements<float>(in[1])[group]);
  double magnitude = std::abs(sum);
  for (std::size_t c = 0; in[2].present() && c < p.dim; ++c) {
    const std::size_t channel = group * p.dim + c;
    const double product = static_cast<double>(of[row * p.groups * p.dim + channel]) *
                           static_cast<double>(weight[channel]);
    sum += product;
    magnitude += std::abs(product);
  }
  const double off = in[2].present() ? (p.dim + 2.0) * (kUnit * magnitude + kTiny) : 0;
  if (p.act == TEPUI_ACT_NONE) return {sum, off, 1, 0};
  const double value = 1 / (1 + std::exp(-sum));
  const double error = value * (std::expm1(off) + exp_error(std::abs(sum)) + 4 * kUnit) + kTiny;
  return {value, error, value / (1 + std::exp(sum)), 1.05 * error + 4 * kUnit * value};
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<GateParams>();
  const Elements<float> x(in[0]);
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t group = i / p.dim;
    const Factor factor = factor_of(in, p, group / p.groups, group % p.groups);
    y[i] = static_cast<float>(static_cast<double>(x[i]) * factor.value);
  }
}

void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<GateParams>();
  const Elements<float> x(request.in[0]);
  for (std::size_t i = 0; i < bound.size(); ++i) {
    const std::size_t group = i / p.dim;
    const Factor factor = factor_of(request.in, p, group / p.groups, group % p.groups);
    const double size = std::abs(static_cast<double>(x[i]));
    bound[i] = size * (factor.error + kUnit * std::abs(factor.value)) + kTiny * (1 + size);
  }
}

// What the sum of a group's factor gets, and how far off it may be.
struct OfSum {
  double value;
  double error;
};

OfSum of_sum(std::span<const HostView> in, const GateParams& p, std::size_t row, std::size_t group,
             const Factor& factor) {
  const Elements<float> x(in[0]);
  const Elements<float> dy(in[4]);
  double sum = 0;
  double magnitude = 0;
  for (std::size_t c = 0; c < p.dim; ++c) {
    const std::size_t i = (row * p.groups + group) * p.dim + c;
    const double product = static_cast<double>(x[i]) * static_cast<double>(dy[i]);
    sum += product;
    magnitude += std::abs(product);
  }
  const double off = (p.dim + 2.0) * (kUnit * magnitude + kTiny);
  return {sum * factor.slope, 1.05 * (off * factor.slope + magnitude * factor.slope_error +
                                      3 * kUnit * magnitude * factor.slope) +
                                  kTiny * (1 + magnitude)};
}

// Calls to(row, group, factor, what its sum gets).
template <class To>
void for_each_group(std::span<const HostView> in, const GateParams& p, const To& to) {
  for (std::size_t row = 0; row < p.rows; ++row) {
    for (std::size_t group = 0; group < p.groups; ++group) {
      const Factor factor = factor_of(in, p, row, group);
      to(row, group, factor, of_sum(in, p, row, group, factor));
    }
  }
}

// By what the group's sum's gradient is multiplied in outputs 2 and 3.
double other_of(std::span<const HostView> in, const GateParams& p, std::size_t output,
                std::size_t i) {
  if (!in[2].present()) return 0;
  const Elements<float> other(in[output == 2 ? 3 : 2]);
  return static_cast<double>(other[output == 2 ? i % (p.groups * p.dim) : i]);
}

void reference_grad(std::span<const HostView> in, std::span<const MutableHostView> out,
                    const ParamBytes& bytes) {
  const auto p = bytes.as<GateParams>();
  const Elements<float> dy(in[4]);
  for_each_group(in, p, [&](std::size_t row, std::size_t group, const Factor& factor, OfSum sum) {
    out[1].as<float>()[row * p.groups + group] = static_cast<float>(sum.value);
    for (std::size_t c = 0; c < p.dim; ++c) {
      const std::size_t i = (row * p.groups + group) * p.dim + c;
      out[0].as<float>()[i] = static_cast<float>(static_cast<double>(dy[i]) * factor.value);
      for (const std::size_t o : {std::size_t{2}, std::size_t{3}})
        out[o].as<float>()[i] = static_cast<float>(sum.value * other_of(in, p, o, i));
    }
  });
}

void bound_grad(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<GateParams>();
  const Elements<float> dy(request.in[4]);
  const std::size_t o = request.output;
  for_each_group(
      request.in, p, [&](std::size_t row, std::size_t group, const Factor& factor, OfSum sum) {
        if (o == 1) {
          bound[row * p.groups + group] = sum.error + kTiny;
          return;
        }
        for (std::size_t c = 0; c < p.dim; ++c) {
          const std::size_t i = (row * p.groups + group) * p.dim + c;
          const double other =
              std::abs(o == 0 ? static_cast<double>(dy[i]) : other_of(request.in, p, o, i));
          const double value = std::abs(o == 0 ? factor.value : sum.value);
          const double error = o == 0 ? factor.error : sum.error;
          bound[i] = other * (error + kUnit * value) + kTiny * (1 + other);
        }
      });
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<GateParams>();
  return 3.0 * p.rows * p.groups * p.dim;
}

double flops_grad(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<GateParams>();
  return 7.0 * p.rows * p.groups * p.dim;
}

Status gradient(GradientBuilder& at) {
  const auto p = at.params<GateParams>();
  Builder& b = at.builder();
  const auto made = b.gate_grad(at.step(), at.of_out(), at.name(0));
  at.give(0, made.dx);
  if (at.wants(1)) at.give(1, b.column_sum(made.dbias, p.groups, at.name(1)));
  if (!at.in(2).present()) return {};
  at.give(2, made.dof);
  if (at.wants(3))
    at.give(3, b.column_sum(made.dweight, std::int64_t{p.groups} * p.dim, at.name(3)));
  return {};
}

}  // namespace

const Op& gate_op() {
  static constexpr Op kOp{"gate", 4, infer, reference, bound, flops, gradient};
  return kOp;
}

const Op& gate_grad_op() {
  static constexpr Op kOp{"gate_grad", 5, infer_grad, reference_grad, bound_grad, flops_grad};
  return kOp;
}

}  // namespace tepui
