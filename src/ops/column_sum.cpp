// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<MatrixParams>();
  OperandCheck check("column_sum", in, {"x"});
  check.has_elements(0, std::int64_t{p.rows} * p.columns);
  if (!in.empty()) check.is(0, DType::f32, in[0].shape);
  return check.gives({{DType::f32, shape_of(p.columns)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<MatrixParams>();
  const Elements<float> x(in[0]);
  const auto y = out[0].as<float>();
  for (std::size_t c = 0; c < p.columns; ++c) {
    double sum = 0;
    for (std::size_t r = 0; r < p.rows; ++r) sum += static_cast<double>(x[r * p.columns + c]);
    y[c] = static_cast<float>(sum);
  }
}

// R eps sum |x| for a chain.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<MatrixParams>();
  const Elements<float> x(request.in[0]);
  for (std::size_t c = 0; c < p.columns; ++c) {
    double magnitude = 0;
    for (std::size_t r = 0; r < p.rows; ++r)
      magnitude += std::abs(static_cast<double>(x[r * p.columns + c]));
    bound[c] = p.rows * kUnit * magnitude;
  }
}

}  // namespace

const Op& column_sum_op() {
  static constexpr Op kOp{"column_sum", 1, infer, reference, bound, nullptr};
  return kOp;
}

}  // namespace tepui
