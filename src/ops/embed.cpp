// SPDX-License-Identifier: MIT
#include "ops/check.h"

namespace tepui {

namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<EmbedParams>();
  return Check("embed", in)
      .is(0, "ids", i32({p.rows}))
      .stored(1, "table", Shape{p.vocabulary, p.dim})
      .gives({f32({p.rows, p.dim})});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<EmbedParams>();
  const auto ids = in[0].as<std::int32_t>();
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    for (std::size_t d = 0; d < p.dim; ++d)
      y[r * p.dim + d] =
          static_cast<float>(in[1].at(std::int64_t{ids[r]} * p.dim + static_cast<std::int64_t>(d)));
  }
}

const Op kOp{"embed", 2, infer, reference, nullptr, nullptr};

}  // namespace

const Op& embed_op() { return kOp; }

}  // namespace tepui
