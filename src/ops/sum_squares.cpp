// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<SumSquaresParams>();
  OperandCheck check("sum_squares", in, {"x", "before"});
  check.has_elements(0, p.count).is_absent_or(1, DType::f32, shape_of(1U));
  if (!in.empty()) check.is(0, DType::f32, in[0].shape);
  return check.gives({{DType::f32, shape_of(1U)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const Elements<float> x(in[0]);
  double sum = in[1].present() ? static_cast<double>(Elements<float>(in[1])[0]) : 0;
  for (std::size_t i = 0; i < bytes.as<SumSquaresParams>().count; ++i)
    sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  out[0].as<float>()[0] = static_cast<float>(sum);
}

// Nothing cancels: 64 terms of a lane, a tree, and what 64 lanes add of the partial sums.
void bound(const BoundRequest& request, std::span<double> bound) {
  const double count = request.params.as<SumSquaresParams>().count;
  const double expected = static_cast<double>(Elements<float>(request.expected[0])[0]);
  bound[0] = (100 + count / 262144) * kUnit * std::abs(expected) + count * kTiny;
}

}  // namespace

const Op& sum_squares_op() {
  static constexpr Op kOp{"sum_squares", 2, infer, reference, bound, nullptr};
  return kOp;
}

}  // namespace tepui
