// SPDX-License-Identifier: MIT
// Which elements are dropped follows from a key and the element's index alone, so that every
// backend drops the same ones, whatever their order, and the gradient needs nothing to be kept.
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"
#include "ops/random_bits.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<DropoutParams>();
  OperandCheck check("dropout", in, {"x", "key"});
  check.has_elements(0, p.count).is(1, DType::u32, shape_of(2U));
  if (!in.empty()) check.is(0, DType::f32, in[0].shape);
  return check.gives({in.empty() ? TensorType{} : in[0]});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<DropoutParams>();
  const Elements<float> x(in[0]);
  const Elements<std::uint32_t> key(in[1]);
  const auto y = out[0].as<float>();
  for (uint i = 0; i < p.count; ++i) {
    const bool dropped = pcg3d_word(i, key[0] + p.stream, key[1]) < p.threshold;
    y[i] = dropped ? 0 : x[i] * p.scale;
  }
}

Status gradient(GradientBuilder& at) {
  at.give(0, at.builder().dropout(at.of_out(), at.in(1), at.params<DropoutParams>(), at.name(0)));
  return {};
}

}  // namespace

const Op& dropout_op() {
  static constexpr Op kOp{"dropout", 2, infer, reference, nullptr, nullptr, gradient};
  return kOp;
}

}  // namespace tepui
