// SPDX-License-Identifier: MIT
#include "models/lower.h"
#include "ops/builder.h"

namespace tepui {

namespace {

// The table's rows at `ids`, read as the file stores them.
Value look_up(Builder& builder, const Model& model, WeightRole role, Value ids, Lowered& out) {
  const BoundWeight& bound = *model.find_global(role);
  const Value table = builder.weight(bound.tensor->type, std::string(role_name(role)));
  out.weights.emplace_back(role, table);
  return builder.embed(ids, table, std::string(role_name(role)));
}

}  // namespace

Result<Lowered> lower_embedding(const Model& model, const ChunkShape& chunk) {
  Builder builder;
  Lowered out;
  out.ids = builder.input({DType::i32, Shape{chunk.rows()}}, "ids");
  Value x = look_up(builder, model, WeightRole::token_embedding, out.ids, out);
  if (model.spec.arch->positions == PositionKind::learned) {
    out.positions = builder.input({DType::i32, Shape{chunk.rows()}}, "positions");
    const Value p = look_up(builder, model, WeightRole::position_embedding, out.positions, out);
    x = builder.add(x, p, "embeddings");
  }
  out.offsets = builder.input({DType::i32, Shape{chunk.sequences() + 1}}, "offsets");
  out.sites.emplace_back(Site::embeddings, x);
  out.result = x;
  builder.mark_output(x);
  TEPUI_TRY(out.program, builder.finish());
  return out;
}

Result<Lowered> lower_final_norm(const Model& model, const ChunkShape& chunk) {
  Builder builder;
  Lowered out;
  const Dims& dims = model.spec.dims;
  out.hidden = builder.input({DType::f32, Shape{chunk.rows(), dims.width}}, "resid_post");
  out.offsets = builder.input({DType::i32, Shape{chunk.sequences() + 1}}, "offsets");
  const auto vector = [&](WeightRole role) {
    if (model.find_global(role) == nullptr) return kNone;
    const Value value =
        builder.weight({DType::f32, Shape{dims.width}}, std::string(role_name(role)));
    out.weights.emplace_back(role, value);
    return value;
  };
  const Value gain = vector(WeightRole::final_norm);
  out.result = model.spec.arch->norm == NormKind::rms
                   ? builder.rms_norm(out.hidden, gain, dims.norm_eps, "final_norm")
                   : builder.layer_norm(out.hidden, gain, vector(WeightRole::final_norm_bias),
                                        dims.norm_eps, "final_norm");
  out.sites.emplace_back(Site::final_norm, out.result);
  builder.mark_output(out.result);
  TEPUI_TRY(out.program, builder.finish());
  return out;
}

}  // namespace tepui
