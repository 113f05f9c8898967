// SPDX-License-Identifier: MIT
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<EmbedParams>();
  return OperandCheck("embed", in, {"ids", "table"})
      .is(0, DType::i32, shape_of(p.rows))
      .is_stored(1, shape_of(p.vocabulary, p.dim))
      .in_blocks(1, "a row", p.dim)
      .gives({{DType::f32, shape_of(p.rows, p.dim)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<EmbedParams>();
  const Elements<std::int32_t> ids(in[0]);
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    const std::int32_t id = ids[r];
    TEPUI_ASSERT(id >= 0 && static_cast<uint>(id) < p.vocabulary);
    for (std::size_t d = 0; d < p.dim; ++d) {
      y[r * p.dim + d] = float_at(in[1], static_cast<std::size_t>(id) * p.dim + d);
    }
  }
}

Status gradient(GradientBuilder& at) {
  const auto p = at.params<EmbedParams>();
  at.give(1, at.builder().embed_grad(at.in(0), at.of_out(), p.vocabulary, at.name(1)));
  return {};
}

}  // namespace

const Op& embed_op() {
  static constexpr Op kOp{"embed", 2, infer, reference, nullptr, nullptr, gradient};
  return kOp;
}

}  // namespace tepui
