// SPDX-License-Identifier: MIT
// One rounding of one sum has one result: every backend agrees bit for bit.
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<AddParams>();
  OperandCheck check("add", in, {"a", "b"});
  if (in.size() != 2) return check.gives({});
  check.is(0, DType::f32, in[0].shape).is(1, DType::f32, in[0].shape).has_elements(0, p.count);
  return check.gives({in[0]});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const Elements<float> a(in[0]);
  const Elements<float> b(in[1]);
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < bytes.as<AddParams>().count; ++i) y[i] = a[i] + b[i];
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  return static_cast<double>(bytes.as<AddParams>().count);
}

Status gradient(GradientBuilder& at) {
  at.give(0, at.of_out());
  at.give(1, at.of_out());
  return {};
}

}  // namespace

const Op& add_op() {
  static constexpr Op kOp{"add", 2, infer, reference, nullptr, flops, gradient};
  return kOp;
}

}  // namespace tepui
