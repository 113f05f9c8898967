// SPDX-License-Identifier: MIT
#include "ops/check.h"

namespace tepui {

namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<CastParams>();
  return Check("cast", in).stored(0, "x", Shape{p.count}).gives({f32({p.count})});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes&) {
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = static_cast<float>(in[0].at(static_cast<std::int64_t>(i)));
}

const Op kOp{"cast", 1, infer, reference, nullptr, nullptr};

}  // namespace

const Op& cast_op() { return kOp; }

}  // namespace tepui
