// SPDX-License-Identifier: MIT
#include "ops/check.h"

namespace tepui {

namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<AddParams>();
  return Check("add", in)
      .is(0, "a", {DType::f32, in[0].shape})
      .is(1, "b", in[0])
      .holds(in[0].shape.elements() == p.count, "a: count and shape differ")
      .gives({in[0]});
}

// One rounding of the exact sum, which is what f32 addition is: bit-equal everywhere.
void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes&) {
  const auto a = in[0].as<float>();
  const auto b = in[1].as<float>();
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = a[i] + b[i];
}

const Op kOp{"add", 2, infer, reference, nullptr, nullptr};

}  // namespace

const Op& add_op() { return kOp; }

}  // namespace tepui
