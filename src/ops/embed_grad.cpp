// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<EmbedParams>();
  return OperandCheck("embed_grad", in, {"ids", "dy"})
      .is(0, DType::i32, shape_of(p.rows))
      .is(1, DType::f32, shape_of(p.rows, p.dim))
      .gives({{DType::f32, shape_of(p.vocabulary, p.dim)}});
}

// Calls body(the row's first element, its token's first).
template <class Body>
void for_each_token(const HostView& ids, const EmbedParams& p, const Body& body) {
  const Elements<std::int32_t> at(ids);
  for (std::size_t r = 0; r < p.rows; ++r) {
    TEPUI_ASSERT(at[r] >= 0 && static_cast<uint>(at[r]) < p.vocabulary);
    body(r * p.dim, static_cast<std::size_t>(at[r]) * p.dim);
  }
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<EmbedParams>();
  const Elements<float> dy(in[1]);
  const auto y = out[0].as<float>();
  std::vector<double> sum(y.size());
  for_each_token(in[0], p, [&](std::size_t from, std::size_t to) {
    for (std::size_t d = 0; d < p.dim; ++d) sum[to + d] += static_cast<double>(dy[from + d]);
  });
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<float>(sum[i]);
}

// n eps sum |dy| for the n rows of a token.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<EmbedParams>();
  const Elements<float> dy(request.in[1]);
  std::vector<double> count(p.vocabulary);
  for (double& b : bound) b = 0;
  for_each_token(request.in[0], p, [&](std::size_t from, std::size_t to) {
    count[to / p.dim] += 1;
    for (std::size_t d = 0; d < p.dim; ++d)
      bound[to + d] += std::abs(static_cast<double>(dy[from + d]));
  });
  for (std::size_t i = 0; i < bound.size(); ++i) bound[i] *= count[i / p.dim] * kUnit;
}

}  // namespace

const Op& embed_grad_op() {
  static constexpr Op kOp{"embed_grad", 2, infer, reference, bound, nullptr};
  return kOp;
}

}  // namespace tepui
