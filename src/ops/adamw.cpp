// SPDX-License-Identifier: MIT
// The steps of AdamW (Loshchilov and Hutter 2019) with clipping by the norm of all gradients, as
// torch.optim.AdamW and torch.nn.utils.clip_grad_norm_ take them.
#include <algorithm>
#include <cmath>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/rounding.h"

namespace tepui {
namespace {

Result<Types> infer_clip(std::span<const TensorType> in, const ParamBytes& bytes) {
  return OperandCheck("clip_factor", in, {"total"})
      .holds(bytes.as<ClipParams>().limit >= 0, "expected a limit above 0, or 0 for none")
      .is(0, DType::f32, shape_of(1U))
      .gives({{DType::f32, shape_of(2U)}});
}

void reference_clip(std::span<const HostView> in, std::span<const MutableHostView> out,
                    const ParamBytes& bytes) {
  const auto limit = static_cast<double>(bytes.as<ClipParams>().limit);
  const double norm = std::sqrt(static_cast<double>(Elements<float>(in[0])[0]));
  const auto y = out[0].as<float>();
  y[0] = static_cast<float>(norm);
  const double factor = limit / (norm + 1e-6);
  y[1] = limit == 0 || factor > 1 ? 1 : static_cast<float>(factor);
}

void bound_clip(const BoundRequest& request, std::span<double> bound) {
  const Elements<float> expected(request.expected[0]);
  for (std::size_t i = 0; i < 2; ++i)
    bound[i] = 6 * kUnit * std::abs(static_cast<double>(expected[i])) + kTiny;
}

Result<Types> infer_moments(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<MomentsParams>();
  OperandCheck check("moments", in, {"gradient", "m", "v", "clip"});
  if (in.size() != 4) return check.gives({});
  check.has_elements(0, p.count).is(3, DType::f32, shape_of(2U));
  for (std::size_t slot = 0; slot < 3; ++slot) check.is(slot, DType::f32, in[0].shape);
  return check.gives({in[0], in[0]});
}

void reference_moments(std::span<const HostView> in, std::span<const MutableHostView> out,
                       const ParamBytes& bytes) {
  const auto p = bytes.as<MomentsParams>();
  const Elements<float> gradient(in[0]);
  const Elements<float> m(in[1]);
  const Elements<float> v(in[2]);
  const auto factor = static_cast<double>(Elements<float>(in[3])[1]);
  const auto m_out = out[0].as<float>();
  const auto v_out = out[1].as<float>();
  for (std::size_t i = 0; i < p.count; ++i) {
    const double g = static_cast<double>(gradient[i]) * factor;
    m_out[i] = static_cast<float>(static_cast<double>(p.beta1) * static_cast<double>(m[i]) +
                                  static_cast<double>(p.rest1) * g);
    v_out[i] = static_cast<float>(static_cast<double>(p.beta2) * static_cast<double>(v[i]) +
                                  static_cast<double>(p.rest2) * g * g);
  }
}

void bound_moments(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<MomentsParams>();
  const Elements<float> gradient(request.in[0]);
  const Elements<float> before(request.in[request.output == 0 ? 1 : 2]);
  const auto factor = static_cast<double>(Elements<float>(request.in[3])[1]);
  for (std::size_t i = 0; i < p.count; ++i) {
    const double g = std::abs(static_cast<double>(gradient[i]) * factor);
    const auto old = std::abs(static_cast<double>(before[i]));
    const double terms =
        request.output == 0
            ? static_cast<double>(p.beta1) * old + static_cast<double>(p.rest1) * g
            : static_cast<double>(p.beta2) * old + static_cast<double>(p.rest2) * g * g;
    bound[i] = 5 * kUnit * terms + 2 * kTiny * (1 + g);
  }
}

Result<Types> infer_adamw(std::span<const TensorType> in, const ParamBytes& bytes) {
  const auto p = bytes.as<AdamwParams>();
  OperandCheck check("adamw", in, {"p", "m", "v", "schedule"});
  if (in.size() != 4) return check.gives({});
  check.has_elements(0, p.count).is(3, DType::f32, shape_of(3U));
  for (std::size_t slot = 0; slot < 3; ++slot) check.is(slot, DType::f32, in[0].shape);
  return check.gives({in[0]});
}

struct Update {
  double kept;
  double step;
};

Update update_of(std::span<const HostView> in, const AdamwParams& p, std::size_t i) {
  const Elements<float> schedule(in[3]);
  const auto rate = static_cast<double>(schedule[0]);
  const auto value = static_cast<double>(Elements<float>(in[0])[i]);
  const auto m = static_cast<double>(Elements<float>(in[1])[i]);
  const auto v = static_cast<double>(Elements<float>(in[2])[i]);
  return {value * (1 - rate * static_cast<double>(p.decay)),
          static_cast<double>(schedule[1]) * m /
              (std::sqrt(v) * static_cast<double>(schedule[2]) + static_cast<double>(p.eps))};
}

void reference_adamw(std::span<const HostView> in, std::span<const MutableHostView> out,
                     const ParamBytes& bytes) {
  const auto p = bytes.as<AdamwParams>();
  const auto y = out[0].as<float>();
  for (std::size_t i = 0; i < p.count; ++i) {
    const Update update = update_of(in, p, i);
    y[i] = static_cast<float>(update.kept - update.step);
  }
}

void bound_adamw(const BoundRequest& request, std::span<double> bound) {
  const auto p = request.params.as<AdamwParams>();
  for (std::size_t i = 0; i < p.count; ++i) {
    const Update update = update_of(request.in, p, i);
    const auto value = std::abs(static_cast<double>(Elements<float>(request.in[0])[i]));
    bound[i] = 4 * kUnit * (value + std::abs(update.kept)) + 16 * kUnit * std::abs(update.step) +
               2 * kTiny;
  }
}

}  // namespace

const Op& clip_factor_op() {
  static constexpr Op kOp{"clip_factor", 1, infer_clip, reference_clip, bound_clip, nullptr};
  return kOp;
}

const Op& moments_op() {
  static constexpr Op kOp{"moments", 4, infer_moments, reference_moments, bound_moments, nullptr};
  return kOp;
}

const Op& adamw_op() {
  static constexpr Op kOp{"adamw", 4, infer_adamw, reference_adamw, bound_adamw, nullptr};
  return kOp;
}

}  // namespace tepui
