// SPDX-License-Identifier: MIT
#include "models/lower.h"
#include "ops/builder.h"

namespace tepui {

namespace {

// What is before the first block and behind the last.
class EdgeLowering {
 public:
  EdgeLowering(const Model& model, const ChunkShape& chunk)
      : model_(model), form_(model.spec.form), dims_(model.spec.dims), rows_(chunk.rows()) {
    sequences_ = chunk.sequences();
  }

  Result<Lowered> embedding(bool gathered) {
    out_.ids = builder_.input({DType::i32, Shape{rows_}}, "ids");
    const Value table = gathered ? gathered_tokens() : weight(WeightRole::token_embedding);
    Value x = builder_.embed(out_.ids, table, std::string(role_name(WeightRole::token_embedding)));
    if (model_.find_global(WeightRole::project_in) != nullptr)
      x = project(x, WeightRole::project_in, "projected");
    if (dims_.embedding_scale != 1) x = builder_.scale(x, dims_.embedding_scale, "scaled");
    if (form_.embedding_factor)
      x = builder_.gate(x, weight(WeightRole::embedding_factor), kNone, kNone, TEPUI_ACT_NONE,
                        "scaled");
    if (form_.positions == PositionKind::learned) {
      out_.positions = builder_.input({DType::i32, Shape{rows_}}, "positions");
      const Value learned = builder_.embed(out_.positions, weight(WeightRole::position_embedding),
                                           std::string(role_name(WeightRole::position_embedding)));
      x = builder_.add(x, learned, "embeddings");
    }
    if (model_.find_global(WeightRole::embedding_norm) != nullptr)
      x = norm(x, WeightRole::embedding_norm, WeightRole::embedding_norm_bias, "embeddings");
    return finish(Site::embeddings, x);
  }

  Result<Lowered> final_norm() {
    out_.hidden = builder_.input({DType::f32, Shape{rows_, dims_.width}}, "resid_post");
    Value x = out_.hidden;
    if (form_.final_norm)
      x = norm(x, WeightRole::final_norm, WeightRole::final_norm_bias, "final_norm");
    if (model_.find_global(WeightRole::project_out) != nullptr)
      x = project(x, WeightRole::project_out, "final_norm");
    if (x == out_.hidden) x = builder_.scale(x, 1, "final_norm");  // an output of its own
    return finish(Site::final_norm, x);
  }

 private:
  Value weight(WeightRole role) {
    const BoundWeight* bound = model_.find_global(role);
    if (bound == nullptr) return kNone;
    const Value value = builder_.weight(resident_type(*bound), std::string(role_name(role)));
    out_.weights.emplace_back(role, value);
    return value;
  }

  // A row for each of the chunk's, as the file stores them.
  Value gathered_tokens() {
    const WeightRole role = WeightRole::token_embedding;
    TensorType type = resident_type(*model_.find_global(role));
    type.shape = Shape{rows_, type.shape[1]};
    const Value value = builder_.weight(type, std::string(role_name(role)));
    out_.weights.emplace_back(role, value);
    return value;
  }

  Value project(Value x, WeightRole role, std::string name) {
    return builder_.linear(x, weight(role), kNone, kNone, TEPUI_ACT_NONE, std::move(name));
  }

  Value norm(Value x, WeightRole gain, WeightRole bias, std::string name) {
    const Value w = weight(gain);
    if (form_.norm == NormKind::rms)
      return builder_.rms_norm(x, w, dims_.norm_eps, std::move(name));
    if (form_.norm == NormKind::dyt)
      return builder_.dyt(x, weight(WeightRole::final_norm_alpha), w, weight(bias),
                          std::move(name));
    return builder_.layer_norm(x, w, weight(bias), dims_.norm_eps, std::move(name));
  }

  Result<Lowered> finish(Site site, Value x) {
    out_.offsets = builder_.input({DType::i32, Shape{sequences_ + 1}}, "offsets");
    out_.sites.emplace_back(site, x);
    out_.result = x;
    builder_.mark_output(x);
    TEPUI_TRY(out_.program, builder_.finish());
    return std::move(out_);
  }

  const Model& model_;
  const Form& form_;
  const Dims& dims_;
  std::int64_t rows_;
  std::int64_t sequences_ = 0;
  Builder builder_;
  Lowered out_;
};

}  // namespace

Result<Lowered> lower_embedding(const Model& model, const ChunkShape& chunk, bool gathered) {
  return EdgeLowering(model, chunk).embedding(gathered);
}

Result<Lowered> lower_final_norm(const Model& model, const ChunkShape& chunk) {
  return EdgeLowering(model, chunk).final_norm();
}

Value lower_logits(Builder& builder, const ModelSpec& spec, Value products) {
  Value logits = products;
  const Dims& dims = spec.dims;
  if (dims.logit_scale != 1) logits = builder.scale(logits, dims.logit_scale, "scaled");
  if (dims.logit_softcap != 0) logits = builder.softcap(logits, dims.logit_softcap, "logits");
  return logits;
}

}  // namespace tepui
