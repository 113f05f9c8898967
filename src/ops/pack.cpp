// SPDX-License-Identifier: MIT
#include "ops/check.h"
#include "ops/elements.h"
#include "ops/gradient.h"

namespace tepui {
namespace {

// Where row n stands in the stored matrix.
std::uint64_t stored_row(const PackParams& p, std::uint64_t n) {
  return p.run == 0 ? n : n / p.run * p.period + n % p.run;
}

Result<Types> infer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<PackParams>();
  OperandCheck check("pack", in, {"stored"});
  check.is_stored(0).holds(p.n > 0 && p.k > 0, "expected a matrix that is not empty");
  if (in.empty()) return check.gives({});
  if (p.run != 0) check.holds(p.period >= p.run, "expected runs that do not overlap");
  const std::uint64_t rows = stored_row(p, p.n - 1) + 1;
  const std::uint64_t lines = p.transposed ? p.k : rows;
  const std::uint64_t line = p.transposed ? rows : p.k;
  const std::uint64_t end = p.offset + (lines - 1) * p.stride + line;
  check.holds(
      !p.transposed || !is_quantised(in[0].dtype),
      fmt::format("stored: expected the rows of [N, K], because blocks lie along them, found "
                  "{} to be read transposed",
                  in[0].to_string()));
  check.in_blocks(0, "a depth", line).in_blocks(0, "a stride", p.stride);
  check.in_blocks(0, "an offset", p.offset);
  check.holds(p.stride >= line,
              fmt::format("expected a stride of at least {} elements, found {}", line, p.stride));
  check.holds(
      end <= static_cast<std::uint64_t>(in[0].shape.elements()),
      fmt::format("stored: expected at least {} elements, found {}", end, in[0].to_string()));
  return check.gives({{packed_dtype(in[0].dtype), shape_of(p.n, p.k)}});
}

void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<PackParams>();
  const auto y = out[0].as<float>();
  for (std::size_t n = 0; n < p.n; ++n) {
    const std::size_t row = stored_row(p, n);
    for (std::size_t k = 0; k < p.k; ++k) {
      const std::size_t from = p.transposed ? k * p.stride + row : row * p.stride + k;
      y[n * p.k + k] = float_at(in[0], p.offset + from);
    }
  }
}

// Of a whole f32 matrix.
Status gradient(GradientBuilder& at) {
  const auto p = at.params<PackParams>();
  Builder& b = at.builder();
  const TensorType stored = b.type(at.in(0));
  const bool whole = p.run == 0 && p.offset == 0 && p.stride == (p.transposed != 0 ? p.n : p.k) &&
                     stored.shape.elements() == std::int64_t{p.n} * p.k;
  if (!whole || stored.dtype != DType::f32)
    return fail(ErrorKind::unsupported,
                "differentiate: pack: expected the whole of an f32 matrix, found part of {}",
                stored.to_string());
  at.give(0, p.transposed != 0 ? b.transpose(at.of_out(), at.name(0)) : at.of_out());
  return {};
}

}  // namespace

const Op& pack_op() {
  static constexpr Op kOp{"pack", 1, infer, reference, nullptr, nullptr, gradient};
  return kOp;
}

}  // namespace tepui
