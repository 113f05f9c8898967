// SPDX-License-Identifier: MIT
// scale and clamp round once or not at all: every backend agrees bit for bit.
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"

namespace tepui {
namespace {

Result<Types> infer_as(std::string_view name, std::span<const TensorType> in,
                       const ParamBytes& bytes) {
  const auto p = bytes.as<ScalarParams>();
  OperandCheck check(name, in, {"x"});
  check.has_elements(0, p.count);
  if (!in.empty()) check.is(0, DType::f32, in[0].shape);
  return check.gives(Types(in.begin(), in.end()));
}

Result<Types> infer_scale(std::span<const TensorType> in, const ParamBytes& bytes) {
  return infer_as("scale", in, bytes);
}

Result<Types> infer_clamp(std::span<const TensorType> in, const ParamBytes& bytes) {
  return infer_as("clamp", in, bytes);
}

void reference_scale(std::span<const HostView> in, std::span<const MutableHostView> out,
                     const ParamBytes& bytes) {
  const auto p = bytes.as<ScalarParams>();
  const Elements<float> x(in[0]);
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < p.count; ++i) y[i] = x[i] * p.value;
}

void reference_clamp(std::span<const HostView> in, std::span<const MutableHostView> out,
                     const ParamBytes& bytes) {
  const auto p = bytes.as<ScalarParams>();
  const Elements<float> x(in[0]);
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < p.count; ++i)
    y[i] = x[i] > p.value ? p.value : x[i] < -p.value ? -p.value : x[i];
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  return static_cast<double>(bytes.as<ScalarParams>().count);
}

Status gradient_scale(GradientBuilder& at) {
  at.give(0, at.builder().scale(at.of_out(), at.params<ScalarParams>().value, at.name(0)));
  return {};
}

}  // namespace

const Op& scale_op() {
  static constexpr Op kOp{"scale", 1, infer_scale, reference_scale, nullptr, flops, gradient_scale};
  return kOp;
}

const Op& clamp_op() {
  static constexpr Op kOp{"clamp", 1, infer_clamp, reference_clamp, nullptr, flops};
  return kOp;
}

}  // namespace tepui
