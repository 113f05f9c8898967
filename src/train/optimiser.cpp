// SPDX-License-Identifier: MIT
#include "train/optimiser.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ops/builder.h"

namespace tepui {
namespace {

Value input_like(Builder& builder, const UpdateItem& item, const char* what) {
  return builder.input({DType::f32, item.shape}, fmt::format("{} {}", what, item.parameter));
}

std::vector<Value> gradient_inputs(Builder& builder, const UpdateItem& item) {
  std::vector<Value> parts;
  for (std::size_t i = 0; i < item.gradients; ++i)
    parts.push_back(input_like(builder, item, "gradient"));
  return parts;
}

Value sum_of_parts(Builder& builder, const std::vector<Value>& parts) {
  Value sum = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) sum = builder.add(sum, parts[i], "gradient");
  return sum;
}

}  // namespace

double learning_rate(const ScheduleSettings& s, std::int64_t step) {
  const auto at = static_cast<double>(step);
  if (step < s.warmup) return s.rate * (at + 1) / (static_cast<double>(s.warmup) + 1);
  if (s.kind == ScheduleKind::constant) return s.rate;
  if (s.kind == ScheduleKind::wsd) {
    const std::int64_t begin = s.steps - s.decay_steps;
    if (step < begin) return s.rate;
    const double share = (at - static_cast<double>(begin) + 1) / static_cast<double>(s.decay_steps);
    return s.rate + (s.least - s.rate) * std::min(share, 1.0);
  }
  if (step >= s.decay_steps) return s.least;
  const double share = (at - static_cast<double>(s.warmup)) /
                       static_cast<double>(std::max<std::int64_t>(1, s.decay_steps - s.warmup));
  return s.least + (s.rate - s.least) * 0.5 * (1 + std::cos(std::numbers::pi * share));
}

std::vector<float> adamw_schedule(const OptimiserSettings& settings, double rate,
                                  std::int64_t step) {
  const auto t = static_cast<double>(step + 1);
  return {static_cast<float>(rate), static_cast<float>(rate / (1 - std::pow(settings.beta1, t))),
          static_cast<float>(1 / std::sqrt(1 - std::pow(settings.beta2, t)))};
}

Result<NormProgram> build_norm_program(const std::vector<UpdateItem>& items,
                                       const OptimiserSettings& settings) {
  Builder builder;
  NormProgram out;
  Value total = kNone;
  for (const UpdateItem& item : items) {
    out.gradients.push_back(gradient_inputs(builder, item));
    total = builder.sum_squares(sum_of_parts(builder, out.gradients.back()), total, "total");
  }
  out.clip = builder.clip_factor(total, static_cast<float>(settings.clip), "clip");
  builder.mark_output(out.clip);
  TEPUI_TRY(out.program, builder.finish());
  return out;
}

Result<UpdateProgram> build_update_program(const std::vector<UpdateItem>& items,
                                           const OptimiserSettings& settings) {
  Builder builder;
  UpdateProgram out;
  out.clip = builder.input({DType::f32, Shape{2}}, "clip");
  out.schedule = builder.input({DType::f32, Shape{3}}, "schedule");
  for (const UpdateItem& item : items) {
    out.gradients.push_back(gradient_inputs(builder, item));
    out.p.push_back(input_like(builder, item, "p"));
    out.m.push_back(input_like(builder, item, "m"));
    out.v.push_back(input_like(builder, item, "v"));
    const Value gradient = sum_of_parts(builder, out.gradients.back());
    const auto moments = builder.moments(gradient, out.m.back(), out.v.back(), out.clip,
                                         settings.beta1, settings.beta2, "moments");
    const double decay = item.decays ? settings.weight_decay : 0;
    out.m_out.push_back(moments.m);
    out.v_out.push_back(moments.v);
    out.p_out.push_back(
        builder.adamw(out.p.back(), moments, out.schedule, settings.eps, decay, "p"));
    for (const Value value : {out.m_out.back(), out.v_out.back(), out.p_out.back()})
      builder.mark_output(value);
  }
  TEPUI_TRY(out.program, builder.finish());
  return out;
}

}  // namespace tepui
