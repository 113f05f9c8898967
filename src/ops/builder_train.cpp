// SPDX-License-Identifier: MIT
// The Builder's methods for losses, gradients and the steps of an optimiser.
#include <algorithm>
#include <cmath>

#include "ops/builder.h"

namespace tepui {

Value Builder::transpose(Value x, std::string name) {
  return emit_one(OpCode::transpose, {x}, ParamBytes(MatrixParams{size(x, 0), size(x, 1)}),
                  std::move(name));
}

Value Builder::column_sum(Value x, std::int64_t columns, std::string name) {
  const uint across = narrow(columns, x);
  const MatrixParams params{elements(x) / std::max(across, 1U), across};
  return emit_one(OpCode::column_sum, {x}, ParamBytes(params), std::move(name));
}

Value Builder::act_grad(Value x, Value dy, Value factor, uint act, std::string name) {
  return emit_one(OpCode::act_grad, {x, dy, factor}, ParamBytes(ActParams{elements(x), act}),
                  std::move(name));
}

Builder::NormGradient Builder::norm_grad(Value x, Value weight, Value dy, const NormParams& norm,
                                         bool centred, const std::string& name) {
  const NormGradParams params{norm.rows,   norm.dim,   norm.eps,
                              norm.groups, norm.apart, centred ? 1U : 0U};
  const auto out = emit(OpCode::norm_grad, {x, weight, dy}, ParamBytes(params),
                        {name, fmt::format("{} normalised", name)});
  return {out[0], out[1]};
}

Builder::AttentionGradient Builder::attention_grad(const Step& step, Value dz,
                                                   const std::string& name) {
  const auto out =
      emit(OpCode::attention_grad,
           {step.in[0], step.in[1], step.in[2], step.in[3], dz, step.in[6], step.in[7], step.in[8]},
           step.params,
           {name + ".q", name + ".k", name + ".v", name + ".extra key", name + ".extra value"});
  return {out[0], out[1], out[2], out[3], out[4]};
}

Builder::DytGradient Builder::dyt_grad(Value x, Value alpha, Value weight, Value dy,
                                       const std::string& name) {
  const auto out = emit(OpCode::dyt_grad, {x, alpha, weight, dy},
                        ParamBytes(MatrixParams{size(x, 0), size(x, 1)}),
                        {name, name + " saturated", name + " alpha"});
  return {out[0], out[1], out[2]};
}

Builder::GateGradient Builder::gate_grad(const Step& step, Value dy, const std::string& name) {
  const auto out = emit(OpCode::gate_grad, {step.in[0], step.in[1], step.in[2], step.in[3], dy},
                        step.params, {name, name + " bias", name + " of", name + " weight"});
  return {out[0], out[1], out[2], out[3]};
}

Value Builder::embed_grad(Value ids, Value dy, std::int64_t vocabulary, std::string name) {
  const EmbedParams params{size(ids, 0), size(dy, 1), narrow(vocabulary, ids)};
  return emit_one(OpCode::embed_grad, {ids, dy}, ParamBytes(params), std::move(name));
}

Value Builder::nll(Value state, Value weight, std::string name) {
  return emit_one(OpCode::nll, {state, weight}, ParamBytes(LossParams{size(state, 0), 3}),
                  std::move(name));
}

Value Builder::nll_grad(Value state, Value weight, std::string name) {
  return emit_one(OpCode::nll_grad, {state, weight}, ParamBytes(LossParams{size(state, 0), 3}),
                  std::move(name));
}

Value Builder::cross_entropy_grad(Value logits, Value targets, Value normaliser, uint first,
                                  std::string name) {
  const TileParams params{size(logits, 0), size(logits, 1), first};
  return emit_one(OpCode::cross_entropy_grad, {logits, targets, normaliser}, ParamBytes(params),
                  std::move(name));
}

Value Builder::squared_error(Value x, Value target, Value weight, std::string name) {
  return emit_one(OpCode::squared_error, {x, target, weight},
                  ParamBytes(LossParams{size(x, 0), size(x, 1)}), std::move(name));
}

Value Builder::squared_error_grad(Value x, Value target, Value weight, std::string name) {
  return emit_one(OpCode::squared_error_grad, {x, target, weight},
                  ParamBytes(LossParams{size(x, 0), size(x, 1)}), std::move(name));
}

Value Builder::dropout(Value x, Value key, double share, uint stream, std::string name) {
  DropoutParams params{0, stream, 0, 1};
  if (share >= 0 && share < 1) {
    params.threshold = static_cast<uint>(std::floor(share * 0x1p32));
    params.scale = static_cast<float>(1 / (1 - share));
  } else if (!error_) {
    error_ =
        Error{ErrorKind::data,
              fmt::format("dropout: expected a share of at least 0 and below 1, found {}", share)};
  }
  return dropout(x, key, params, std::move(name));
}

Value Builder::dropout(Value x, Value key, DropoutParams params, std::string name) {
  params.count = elements(x);
  return emit_one(OpCode::dropout, {x, key}, ParamBytes(params), std::move(name));
}

Value Builder::sum_squares(Value x, Value before, std::string name) {
  return emit_one(OpCode::sum_squares, {x, before}, ParamBytes(SumSquaresParams{elements(x)}),
                  std::move(name));
}

Value Builder::clip_factor(Value total, float limit, std::string name) {
  return emit_one(OpCode::clip_factor, {total}, ParamBytes(ClipParams{limit}), std::move(name));
}

Builder::Moments Builder::moments(Value gradient, Value m, Value v, Value clip, double beta1,
                                  double beta2, const std::string& name) {
  const MomentsParams params{elements(gradient), static_cast<float>(beta1),
                             static_cast<float>(1 - beta1), static_cast<float>(beta2),
                             static_cast<float>(1 - beta2)};
  const auto out =
      emit(OpCode::moments, {gradient, m, v, clip}, ParamBytes(params), {name + ".m", name + ".v"});
  return {out[0], out[1]};
}

Value Builder::adamw(Value p, const Moments& moments, Value schedule, double eps, double decay,
                     std::string name) {
  const AdamwParams params{elements(p), static_cast<float>(eps), static_cast<float>(decay)};
  return emit_one(OpCode::adamw, {p, moments.m, moments.v, schedule}, ParamBytes(params),
                  std::move(name));
}

}  // namespace tepui
