// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<MixParams>();
  return OperandCheck("expert_mix", in, {"x", "weight"})
      .holds(p.chosen > 0, "expected at least one expert for each row")
      .is(0, DType::f32, shape_of(p.rows, std::uint64_t{p.chosen} * p.dim))
      .is(1, DType::f32, shape_of(p.rows, p.chosen))
      .gives({{DType::f32, shape_of(p.rows, p.dim)}});
}

// Calls body(output index, term) with term(j) the j-th product.
template <class Body>
void for_each_output(std::span<const HostView> in, const MixParams& p, const Body& body) {
  const Elements<float> x(in[0]);
  const Elements<float> weight(in[1]);
  for (std::size_t r = 0; r < p.rows; ++r) {
    for (std::size_t d = 0; d < p.dim; ++d) {
      body(r * p.dim + d, [&](std::size_t j) {
        const std::size_t i = r * p.chosen + j;
        return static_cast<double>(weight[i]) * static_cast<double>(x[i * p.dim + d]);
      });
    }
  }
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<MixParams>();
  const auto y = out[0].as<float>();
  for_each_output(in, p, [&](std::size_t i, const auto& term) {
    double sum = 0;
    for (std::size_t j = 0; j < p.chosen; ++j) sum += term(j);
    y[i] = static_cast<float>(sum);
  });
}

// A product and a sum are each rounded, `chosen` times.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<MixParams>();
  for_each_output(request.in, p, [&](std::size_t i, const auto& term) {
    double magnitude = 0;
    for (std::size_t j = 0; j < p.chosen; ++j) magnitude += std::abs(term(j));
    bound[i] = (p.chosen + 1.0) * (kUnit * magnitude + kTiny);
  });
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<MixParams>();
  return 2.0 * p.rows * p.dim * p.chosen;
}

}  // namespace

const Op& expert_mix_op() {
  static constexpr Op kOp{"expert_mix", 2, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
