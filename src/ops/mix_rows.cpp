// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<MixRowsParams>();
  return OperandCheck("mix_rows", in, {"weight", "x", "offsets"})
      .is(0, DType::f32, shape_of(p.rows, p.k))
      .is(1, DType::f32, shape_of(std::uint64_t{p.sequences} * p.k, p.dim))
      .is(2, DType::i32, shape_of(std::uint64_t{p.sequences} + 1))
      .gives({{DType::f32, shape_of(p.rows, p.dim)}});
}

// Calls body(element of the output, sum of the products, sum of their magnitudes).
template <class Body>
void for_each_sum(std::span<const HostView> in, const MixRowsParams& p, const Body& body) {
  const Elements<float> weight(in[0]);
  const Elements<float> x(in[1]);
  for (std::size_t s = 0; s < p.sequences; ++s) {
    const SequenceRows rows = sequence_rows(in[2], s, p.rows);
    for (std::size_t r = rows.begin; r < rows.end; ++r) {
      for (std::size_t d = 0; d < p.dim; ++d) {
        double sum = 0;
        double magnitude = 0;
        for (std::size_t k = 0; k < p.k; ++k) {
          const double product = static_cast<double>(weight[r * p.k + k]) *
                                 static_cast<double>(x[(s * p.k + k) * p.dim + d]);
          sum += product;
          magnitude += std::abs(product);
        }
        body(r * p.dim + d, sum, magnitude);
      }
    }
  }
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto y = out[0].as<float>();
  for_each_sum(in, bytes.as<MixRowsParams>(),
               [&](std::size_t at, double sum, double) { y[at] = static_cast<float>(sum); });
}

void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<MixRowsParams>();
  for_each_sum(request.in, p, [&](std::size_t at, double, double magnitude) {
    bound[at] = (p.k + 2.0) * kUnit * magnitude + p.k * kTiny;
  });
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<MixRowsParams>();
  return 2.0 * p.rows * p.dim * p.k;
}

}  // namespace

const Op& mix_rows_op() {
  static constexpr Op kOp{"mix_rows", 3, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
