// SPDX-License-Identifier: MIT
// The reference layout of a packed matrix is f32 [N, K], row-major. A backend's own layout can be
// compared only through the op that reads it, linear.
#include "ops/check.h"

namespace tepui {

namespace {

// Whether every element that the parameters name lies within the stored matrix.
bool fits(const TensorType& matrix, const PackParams& p) {
  const auto elements = static_cast<std::uint64_t>(matrix.shape.elements());
  if (p.n == 0 || p.k == 0) return true;
  const std::uint64_t outer = p.transposed != 0 ? p.k : p.n;
  const std::uint64_t inner = p.transposed != 0 ? p.n : p.k;
  return p.offset + (outer - 1) * std::uint64_t{p.stride} + inner <= elements && inner <= p.stride;
}

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<PackParams>();
  return Check("pack", in)
      .holds(in[0].shape.rank() == 2, "matrix: expected two axes")
      .stored(0, "matrix", in[0].shape)
      .holds(fits(in[0], p), "matrix: offset, stride and size reach beyond it")
      .gives({{DType::packed, Shape{p.n, p.k}}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<PackParams>();
  const auto y = out[0].as<float>();
  for (std::int64_t n = 0; n < p.n; ++n) {
    for (std::int64_t k = 0; k < p.k; ++k) {
      const std::int64_t at = p.transposed != 0 ? k * p.stride + n : n * p.stride + k;
      y[static_cast<std::size_t>(n * p.k + k)] = static_cast<float>(in[0].at(p.offset + at));
    }
  }
}

const Op kOp{"pack", 1, infer, reference, nullptr, nullptr};

}  // namespace

const Op& pack_op() { return kOp; }

}  // namespace tepui
