// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/activation.h"
#include "ops/check.h"

namespace tepui {

namespace {

Result<Types> infer_act(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ActParams>();
  return Check("act", in)
      .is(0, "x", {DType::f32, in[0].shape})
      .holds(in[0].shape.elements() == p.count, "x: count and shape differ")
      .holds(known_activation(p.act), "unknown activation")
      .gives({in[0]});
}

Result<Types> infer_act_mul(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ActParams>();
  return Check("act_mul", in)
      .is(0, "gate", {DType::f32, in[0].shape})
      .is(1, "up", in[0])
      .holds(in[0].shape.elements() == p.count, "gate: count and shape differ")
      .holds(known_activation(p.act), "unknown activation")
      .gives({in[0]});
}

void act_reference(std::span<const HostView> in, std::span<const MutableHostView> out,
                   const ParamBytes& bytes) {
  const auto p = bytes.as<ActParams>();
  const auto x = in[0].as<float>();
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = static_cast<float>(activate(p.act, static_cast<double>(x[i])));
}

void act_bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<ActParams>();
  const auto x = request.in[0].as<float>();
  for (std::size_t i = 0; i < bound.size(); ++i)
    bound[i] = activation_bound(p.act, static_cast<double>(x[i]), 0.0);
}

void act_mul_reference(std::span<const HostView> in, std::span<const MutableHostView> out,
                       const ParamBytes& bytes) {
  const auto p = bytes.as<ActParams>();
  const auto gate = in[0].as<float>();
  const auto up = in[1].as<float>();
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = static_cast<float>(activate(p.act, static_cast<double>(gate[i])) *
                              static_cast<double>(up[i]));
}

// The activation's error times the other factor, and one rounding of the product.
void act_mul_bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<ActParams>();
  const auto gate = request.in[0].as<float>();
  const auto up = request.in[1].as<float>();
  const auto expected = request.expected[0].as<float>();
  for (std::size_t i = 0; i < bound.size(); ++i) {
    const double error = activation_bound(p.act, static_cast<double>(gate[i]), 0.0);
    bound[i] = error * std::abs(static_cast<double>(up[i])) +
               kEpsilon * std::abs(static_cast<double>(expected[i])) + 1e-45;
  }
}

const Op kAct{"act", 1, infer_act, act_reference, act_bound, nullptr};
const Op kActMul{"act_mul", 2, infer_act_mul, act_mul_reference, act_mul_bound, nullptr};

}  // namespace

const Op& act_op() { return kAct; }
const Op& act_mul_op() { return kActMul; }

}  // namespace tepui
