// SPDX-License-Identifier: MIT
#include "ops/check.h"
#include "ops/elements.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<CastParams>();
  OperandCheck check("cast", in, {"x"});
  check.is_stored(0).has_elements(0, p.count).in_blocks(0, "a count", p.count);
  return check.gives({{DType::f32, in.empty() ? Shape{} : in[0].shape}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < bytes.as<CastParams>().count; ++i) y[i] = float_at(in[0], i);
}

}  // namespace

const Op& cast_op() {
  static constexpr Op kOp{"cast", 1, infer, reference, nullptr, nullptr};
  return kOp;
}

}  // namespace tepui
