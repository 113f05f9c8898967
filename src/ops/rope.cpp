// SPDX-License-Identifier: MIT
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<RopeParams>();
  OperandCheck check("rope", in, {"x", "positions", "table"});
  check.holds(
      p.rotary_dim <= p.head_dim && p.rotary_dim % 2 == 0,
      fmt::format("expected an even rotary_dim of at most {}, found {}", p.head_dim, p.rotary_dim));
  check.is(0, DType::f32, shape_of(p.rows, std::uint64_t{p.heads} * p.head_dim))
      .is(1, DType::i32, shape_of(p.rows));
  if (in.size() == 3) check.is(2, DType::f32, shape_of(in[2].shape[0], p.rotary_dim));
  return check.gives({{DType::f32, shape_of(p.rows, std::uint64_t{p.heads} * p.head_dim)}});
}

// The elements of pair i within a head.
struct Pair {
  std::size_t first;
  std::size_t second;
};
Pair pair_of(const RopeParams& p, std::size_t i) {
  if (p.interleaved) return {2 * i, 2 * i + 1};
  return {i, i + p.rotary_dim / 2};
}

// Calls body(index of first, index of second, cosine, sine) for every pair of every head.
template <class Body>
void for_each_pair(std::span<const HostView> in, const RopeParams& p, const Body& body) {
  const Elements<std::int32_t> positions(in[1]);
  const Elements<float> table(in[2]);
  const std::size_t half = p.rotary_dim / 2;
  for (std::size_t r = 0; r < p.rows; ++r) {
    const std::int32_t position = positions[r];
    TEPUI_ASSERT(position >= 0 && position < in[2].type.shape[0]);
    const std::size_t angles = static_cast<std::size_t>(position) * p.rotary_dim;
    for (std::size_t h = 0; h < p.heads; ++h) {
      const std::size_t head = (r * p.heads + h) * p.head_dim;
      for (std::size_t i = 0; i < half; ++i) {
        const auto [first, second] = pair_of(p, i);
        const auto sine = static_cast<double>(table[angles + half + i]);
        body(head + first, head + second, static_cast<double>(table[angles + i]),
             p.back != 0 ? -sine : sine);
      }
    }
  }
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<RopeParams>();
  const Elements<float> x(in[0]);
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = x[i];
  for_each_pair(in, p, [&](std::size_t first, std::size_t second, double cosine, double sine) {
    const auto a = static_cast<double>(x[first]);
    const auto b = static_cast<double>(x[second]);
    y[first] = static_cast<float>(a * cosine - b * sine);
    y[second] = static_cast<float>(b * cosine + a * sine);
  });
}

// Two products and their sum: 4 eps of the two products' magnitudes; what is not rotated is copied.
void bound(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<RopeParams>();
  const Elements<float> x(request.in[0]);
  for (double& b : bound) b = 0;
  for_each_pair(request.in, p,
                [&](std::size_t first, std::size_t second, double cosine, double sine) {
                  const double a = std::abs(static_cast<double>(x[first]));
                  const double b = std::abs(static_cast<double>(x[second]));
                  const double c = std::abs(cosine);
                  const double s = std::abs(sine);
                  bound[first] = 4 * kUnit * (a * c + b * s) + 2 * kTiny;
                  bound[second] = 4 * kUnit * (b * c + a * s) + 2 * kTiny;
                });
}

double flops(std::span<const TensorType>, const ParamBytes& bytes) {
  const auto p = bytes.as<RopeParams>();
  return 3.0 * p.rows * p.heads * p.rotary_dim;
}

// The transpose of a rotation is the one against it.
Status gradient(GradientBuilder& at) {
  auto p = at.params<RopeParams>();
  p.back = p.back != 0 ? 0 : 1;
  at.give(0, at.builder()
                 .emit(OpCode::rope, {at.of_out(), at.in(1), at.in(2)}, ParamBytes(p), {at.name(0)})
                 .front());
  return {};
}

}  // namespace

const Op& rope_op() {
  static constexpr Op kOp{"rope", 3, infer, reference, bound, flops, gradient};
  return kOp;
}

}  // namespace tepui
