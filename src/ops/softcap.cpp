// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ScalarParams>();
  OperandCheck check("softcap", in, {"x"});
  check.has_elements(0, p.count).holds(p.value > 0, "expected a cap above 0");
  if (!in.empty()) check.is(0, DType::f32, in[0].shape);
  return check.gives(Types(in.begin(), in.end()));
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<ScalarParams>();
  const Elements<float> x(in[0]);
  const auto y = out[0].as<float>();
  const auto cap = static_cast<double>(p.value);
  for (std::size_t i = 0; i < p.count; ++i)
    y[i] = static_cast<float>(cap * std::tanh(static_cast<double>(x[i]) / cap));
}

// tanh's error, the roundings of the quotient (which tanh only shrinks), the product and the
// result, all relative to the result.
void bound(const BoundRequest& request, std::span<double> bound) {
  const Elements<float> expected(request.expected[0]);
  for (std::size_t i = 0; i < bound.size(); ++i)
    bound[i] = (kTanhError + 3) * kUnit * std::abs(static_cast<double>(expected[i])) + kTiny;
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  return static_cast<double>(bytes.as<ScalarParams>().count);
}

}  // namespace

const Op& softcap_op() {
  static constexpr Op kOp{"softcap", 1, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
