// SPDX-License-Identifier: MIT
// rms_norm (Zhang and Sennrich 2019) and layer_norm (Ba et al. 2016).
#include <cmath>

#include "ops/check.h"

namespace tepui {

namespace {

struct Moments {
  double mean = 0;     // of x; 0 for rms_norm
  double square = 0;   // mean of (x - mean)^2
  double largest = 0;  // of |x|
};

Moments moments(std::span<const float> row, bool centred) {
  Moments m;
  const auto count = static_cast<double>(row.size());
  if (centred) {
    for (const float x : row) m.mean += static_cast<double>(x) / count;
  }
  for (const float x : row) {
    const double d = static_cast<double>(x) - m.mean;
    m.square += d * d / count;
    m.largest = std::max(m.largest, std::abs(static_cast<double>(x)));
  }
  return m;
}

double operand(const HostView& view, std::size_t d, double absent) {
  return view.present() ? static_cast<double>(view.as<float>()[d]) : absent;
}

Result<Types> infer_rms(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<NormParams>();
  return Check("rms_norm", in)
      .is(0, "x", f32({p.rows, p.dim}))
      .is(1, "weight", f32({p.dim}))
      .holds(p.eps >= 0.0F, "eps: expected 0 or more")
      .gives({f32({p.rows, p.dim})});
}

Result<Types> infer_layer(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<NormParams>();
  return Check("layer_norm", in)
      .is(0, "x", f32({p.rows, p.dim}))
      .optional(1, "weight", f32({p.dim}))
      .optional(2, "bias", f32({p.dim}))
      .holds(p.eps >= 0.0F, "eps: expected 0 or more")
      .gives({f32({p.rows, p.dim})});
}

template <bool kCentred>
void reference(std::span<const HostView> in, std::span<const MutableHostView> out,
               const ParamBytes& bytes) {
  const auto p = bytes.as<NormParams>();
  const auto x = in[0].as<float>();
  const auto y = out[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    const Moments m = moments(x.subspan(r * p.dim, p.dim), kCentred);
    const double scale = 1.0 / std::sqrt(m.square + static_cast<double>(p.eps));
    for (std::size_t d = 0; d < p.dim; ++d) {
      double value =
          (static_cast<double>(x[r * p.dim + d]) - m.mean) * scale * operand(in[1], d, 1.0);
      if (kCentred) value += operand(in[2], d, 0.0);
      y[r * p.dim + d] = static_cast<float>(value);
    }
  }
}

// The scale of a row is known to a few units in the last place; each element adds a few roundings
// of its own. layer_norm subtracts a mean that may be off by a rounding of itself, which every
// element of the row meets.
template <bool kCentred>
void bound(const BoundRequest& request, std::span<double> bound) {
  constexpr double kScale = 4.0;
  const auto p = request.params.as<NormParams>();
  const auto x = request.in[0].as<float>();
  for (std::size_t r = 0; r < p.rows; ++r) {
    const Moments m = moments(x.subspan(r * p.dim, p.dim), kCentred);
    const double scale = 1.0 / std::sqrt(m.square + static_cast<double>(p.eps));
    for (std::size_t d = 0; d < p.dim; ++d) {
      const double weight = std::abs(operand(request.in[1], d, 1.0));
      const double value = std::abs(static_cast<double>(x[r * p.dim + d]) - m.mean);
      const double bias = kCentred ? std::abs(operand(request.in[2], d, 0.0)) : 0.0;
      const double mean_error = kCentred ? std::abs(m.mean) : 0.0;
      bound[r * p.dim + d] =
          kEpsilon * (kScale * value * scale * weight + mean_error * scale * weight + bias) + 1e-45;
    }
  }
}

const Op kRms{"rms_norm", 2, infer_rms, reference<false>, bound<false>, nullptr};
const Op kLayer{"layer_norm", 3, infer_layer, reference<true>, bound<true>, nullptr};

}  // namespace

const Op& rms_norm_op() { return kRms; }
const Op& layer_norm_op() { return kLayer; }

}  // namespace tepui
