// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<ExpertParams>();
  const std::uint64_t copies = p.own != 0 ? p.chosen : 1;
  return OperandCheck("expert_linear", in, {"x", "weight", "expert"})
      .holds(p.n > 0 && p.k > 0 && p.experts > 0, "expected matrices that are not empty")
      .holds(p.chosen > 0, "expected at least one expert for each row")
      .is(0, DType::f32, shape_of(p.rows, copies * p.k))
      .is_packed_matrix(1, shape_of(p.experts, p.n, p.k))
      .is(2, DType::u32, shape_of(p.rows, p.chosen))
      .gives({{DType::f32, shape_of(p.rows, std::uint64_t{p.chosen} * p.n)}});
}

// Calls body(output index, first element of x, first element of the expert's matrix row).
template <class Body>
void for_each_output(const HostView& expert, const ExpertParams& p, const Body& body) {
  const Elements<std::uint32_t> chosen(expert);
  for (std::size_t i = 0; i < std::size_t{p.rows} * p.chosen; ++i) {
    TEPUI_ASSERT(chosen[i] < p.experts);
    const std::size_t x = (p.own != 0 ? i : i / p.chosen) * p.k;
    for (std::size_t n = 0; n < p.n; ++n)
      body(i * p.n + n, x, (std::size_t{chosen[i]} * p.n + n) * p.k);
  }
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<ExpertParams>();
  const Elements<float> x(in[0]);
  const Elements<float> w(in[1]);
  const auto y = out[0].as<float>();
  for_each_output(in[2], p, [&](std::size_t i, std::size_t at, std::size_t row) {
    double sum = 0;
    for (std::size_t k = 0; k < p.k; ++k)
      sum += static_cast<double>(x[at + k]) * static_cast<double>(w[row + k]);
    y[i] = static_cast<float>(sum);
  });
}

// As for `linear`.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<ExpertParams>();
  const Elements<float> x(request.in[0]);
  const Elements<float> w(request.in[1]);
  for_each_output(request.in[2], p, [&](std::size_t i, std::size_t at, std::size_t row) {
    double sum = 0;
    double magnitude = 0;
    for (std::size_t k = 0; k < p.k; ++k) {
      const double product = static_cast<double>(x[at + k]) * static_cast<double>(w[row + k]);
      sum += product;
      magnitude += std::abs(product);
    }
    bound[i] = static_cast<double>(p.k) * (kUnit * magnitude + kTiny) + 2 * kUnit * std::abs(sum);
  });
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<ExpertParams>();
  return 2.0 * p.rows * p.chosen * p.n * p.k;
}

}  // namespace

const Op& expert_linear_op() {
  static constexpr Op kOp{"expert_linear", 3, infer, reference, bound, flops};
  return kOp;
}

}  // namespace tepui
