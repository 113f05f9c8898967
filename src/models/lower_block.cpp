// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>

#include "models/lower.h"
#include "ops/builder.h"

namespace tepui {

namespace {

// Emits one block, step by step as the papers draw it; remembers sites and weights on the way.
class BlockLowering {
 public:
  BlockLowering(const Model& model, int layer, const ChunkShape& chunk)
      : model_(model), dims_(model.spec.dims), layer_(layer), rows_(chunk.rows()), chunk_(chunk) {}

  Result<Lowered> run() {
    out_.hidden = builder_.input({DType::f32, Shape{rows_, dims_.width}}, "resid_pre");
    out_.offsets = builder_.input({DType::i32, Shape{chunk_.sequences() + 1}}, "offsets");
    const Value resid_pre = site(Site::resid_pre, out_.hidden);
    const Value attn_out = attention(resid_pre);
    const Value resid_mid = site(Site::resid_mid, builder_.add(resid_pre, attn_out, "resid_mid"));
    const Value mlp_out = mlp(resid_mid);
    out_.result = site(Site::resid_post, builder_.add(resid_mid, mlp_out, "resid_post"));
    builder_.mark_output(out_.result);
    TEPUI_TRY(out_.program, builder_.finish());
    return std::move(out_);
  }

 private:
  Value site(Site where, Value value) {
    out_.sites.emplace_back(where, value);
    return value;
  }

  const BoundWeight* find(WeightRole role) const {
    const auto& list = model_.layers[static_cast<std::size_t>(layer_)];
    const auto found = std::ranges::find(list, role, &BoundWeight::role);
    return found == list.end() ? nullptr : &*found;
  }

  // The weight as an operand; kNone if the model has none of that role.
  Value weight(WeightRole role) {
    const BoundWeight* bound = find(role);
    if (bound == nullptr) return kNone;
    const TensorType type = kind_of(role) == WeightKind::matrix
                                ? TensorType{DType::packed, Shape{bound->place.n, bound->place.k}}
                                : TensorType{DType::f32, Shape{bound->place.n}};
    const Value value = builder_.weight(type, std::string(role_name(role)));
    out_.weights.emplace_back(role, value);
    return value;
  }

  Value norm(Value x, WeightRole gain, WeightRole bias, std::string name) {
    const Value w = weight(gain);
    if (model_.spec.arch->norm == NormKind::rms)
      return builder_.rms_norm(x, w, dims_.norm_eps, std::move(name));
    return builder_.layer_norm(x, w, weight(bias), dims_.norm_eps, std::move(name));
  }

  Value project(Value x, WeightRole matrix, WeightRole bias, std::string name) {
    const Value w = weight(matrix);
    return builder_.linear(x, w, weight(bias), kNone, TEPUI_ACT_NONE, std::move(name));
  }

  Value rotate(Value x, int heads, std::string name) {
    if (model_.spec.arch->positions != PositionKind::rotary) return x;
    const RopeSpec& rope = dims_.rope;
    if (!out_.positions.present()) {
      out_.positions = builder_.input({DType::i32, Shape{rows_}}, "positions");
      out_.rope_table =
          builder_.input({DType::f32, Shape{chunk_.longest(), rope.rotary_dim}}, "rope_table");
    }
    return builder_.rope(x, out_.positions, out_.rope_table, static_cast<uint>(heads),
                         rope.interleaved, std::move(name));
  }

  Value attention(Value x) {
    const Value in =
        site(Site::attn_in, norm(x, WeightRole::attn_norm, WeightRole::attn_norm_bias, "attn_in"));
    const Value q_pre = site(Site::q_pre, project(in, WeightRole::q, WeightRole::q_bias, "q_pre"));
    const Value k_pre = site(Site::k_pre, project(in, WeightRole::k, WeightRole::k_bias, "k_pre"));
    const Value v = site(Site::v, project(in, WeightRole::v, WeightRole::v_bias, "v"));
    const Value q = site(Site::q, rotate(q_pre, dims_.heads, "q"));
    const Value k = site(Site::k, rotate(k_pre, dims_.kv_heads, "k"));
    const Builder::AttentionShape shape{
        static_cast<uint>(dims_.heads), static_cast<uint>(dims_.kv_heads),
        static_cast<uint>(dims_.head_dim), static_cast<float>(model_.spec.attention_scale(layer_))};
    const Value z = site(Site::z, builder_.attention(q, k, v, out_.offsets, kNone, shape, "z"));
    const Value out =
        site(Site::attn_out, project(z, WeightRole::o, WeightRole::o_bias, "attn_out"));
    return site(Site::attn_out_post, out);
  }

  Value mlp(Value x) {
    const Value in =
        site(Site::mlp_in, norm(x, WeightRole::mlp_norm, WeightRole::mlp_norm_bias, "mlp_in"));
    Value act;
    if (model_.spec.arch->mlp == MlpKind::gated) {
      const Value gate =
          site(Site::mlp_pre, project(in, WeightRole::gate, WeightRole::gate_bias, "mlp_pre"));
      const Value up = site(Site::mlp_pre_linear,
                            project(in, WeightRole::up, WeightRole::up_bias, "mlp_pre_linear"));
      act = builder_.act_mul(gate, up, dims_.act, "mlp_act");
    } else {
      const Value pre =
          site(Site::mlp_pre, project(in, WeightRole::up, WeightRole::up_bias, "mlp_pre"));
      act = builder_.act(pre, dims_.act, "mlp_act");
    }
    site(Site::mlp_act, act);
    const Value out =
        site(Site::mlp_out, project(act, WeightRole::down, WeightRole::down_bias, "mlp_out"));
    return site(Site::mlp_out_post, out);
  }

  const Model& model_;
  const Dims& dims_;
  int layer_;
  std::int64_t rows_;
  const ChunkShape& chunk_;
  Builder builder_;
  Lowered out_;
};

}  // namespace

int ChunkShape::rows() const { return std::accumulate(lengths.begin(), lengths.end(), 0); }

int ChunkShape::longest() const { return lengths.empty() ? 0 : *std::ranges::max_element(lengths); }

std::vector<std::int32_t> ChunkShape::offsets() const {
  std::vector<std::int32_t> out{0};
  for (const int length : lengths) out.push_back(out.back() + length);
  return out;
}

std::vector<std::int32_t> ChunkShape::positions() const {
  std::vector<std::int32_t> out;
  for (const int length : lengths) {
    for (int position = 0; position < length; ++position) out.push_back(position);
  }
  return out;
}

Result<Lowered> lower_block(const Model& model, int layer, const ChunkShape& chunk) {
  return BlockLowering(model, layer, chunk).run();
}

double layer_kind(const ModelSpec& spec, int layer) { return spec.attention_scale(layer); }

std::optional<int> site_width(const ModelSpec& spec, Site site) {
  const Dims& dims = spec.dims;
  switch (site) {
    case Site::q_pre:
    case Site::q:
    case Site::z: return dims.heads * dims.head_dim;
    case Site::k_pre:
    case Site::k:
    case Site::v: return dims.kv_heads * dims.head_dim;
    case Site::mlp_pre:
    case Site::mlp_act: return dims.hidden;
    case Site::mlp_pre_linear:
      if (spec.arch->mlp != MlpKind::gated) return std::nullopt;
      return dims.hidden;
    case Site::attn_scores:
    case Site::attn_probs:
    case Site::logits: return std::nullopt;
    default: return dims.width;
  }
}

}  // namespace tepui
