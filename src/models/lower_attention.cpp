// SPDX-License-Identifier: MIT
#include <algorithm>

#include "models/block_lowering.h"

namespace tepui {

const BoundWeight* BlockLowering::find(WeightRole role) const {
  const auto& list = model_.layers[static_cast<std::size_t>(layer_)];
  const auto found = std::ranges::find(list, role, &BoundWeight::role);
  return found == list.end() ? nullptr : &*found;
}

Value BlockLowering::weight(WeightRole role) {
  const BoundWeight* bound = find(role);
  if (bound == nullptr) return kNone;
  const Value value = builder_.weight(resident_type(*bound), std::string(role_name(role)));
  out_.weights.emplace_back(role, value);
  return value;
}

Value BlockLowering::norm(Value x, WeightRole gain, WeightRole bias, std::string name) {
  const Value w = weight(gain);
  if (form_.norm == NormKind::rms) return builder_.rms_norm(x, w, dims_.norm_eps, std::move(name));
  if (form_.norm == NormKind::dyt) {
    const Value alpha = weight(gain == WeightRole::attn_norm ? WeightRole::attn_norm_alpha
                                                             : WeightRole::mlp_norm_alpha);
    return builder_.dyt(x, alpha, w, weight(bias), std::move(name));
  }
  return builder_.layer_norm(x, w, weight(bias), dims_.norm_eps, std::move(name));
}

Value BlockLowering::project(Value x, WeightRole matrix, WeightRole bias, std::string name) {
  const Value w = weight(matrix);
  return builder_.linear(x, w, weight(bias), kNone, TEPUI_ACT_NONE, std::move(name));
}

Value BlockLowering::clipped(Value x, std::string name) {
  return dims_.clip_qkv == 0 ? x : builder_.clamp(x, dims_.clip_qkv, std::move(name));
}

Value BlockLowering::head_norm(Value x, WeightRole gain, WeightRole bias, int heads,
                               std::string name) {
  if (form_.qk_norm == QkNorm::none) return x;
  const uint groups = form_.qk_norm == QkNorm::whole ? 1 : static_cast<uint>(heads);
  const Value w = weight(gain);
  if (form_.norm == NormKind::rms)
    return builder_.rms_norm_groups(x, w, dims_.norm_eps, groups, std::move(name));
  return builder_.layer_norm_groups(x, w, weight(bias), dims_.norm_eps, groups, std::move(name));
}

Value BlockLowering::table(Table which) {
  const auto found = std::ranges::find(out_.tables, which, &std::pair<Table, Value>::first);
  if (found != out_.tables.end()) return found->second;
  constexpr std::string_view kNames[] = {"rope_table", "local_rope_table", "key_bias"};
  const int positions = cache_ == nullptr ? chunk_.longest() : cache_->positions;
  const Value value = builder_.input(table_type(model_.spec, which, positions),
                                     std::string(kNames[static_cast<std::size_t>(which)]));
  out_.tables.emplace_back(which, value);
  return value;
}

// Of the rows of x: all, or the last ones.
Value BlockLowering::positions_of(Value x) {
  const bool all = last_ == nullptr || builder_.type(x).shape[0] == rows_;
  Value& positions = all ? out_.positions : out_.last.positions;
  if (!positions.present())
    positions = builder_.input({DType::i32, Shape{all ? rows_ : last_->rows()}},
                               all ? "positions" : "last positions");
  return positions;
}

Value BlockLowering::rotate(Value x, int heads, std::string name) {
  const RopeUse use = model_.spec.layer(layer_).rope;
  if (form_.positions != PositionKind::rotary || use == RopeUse::none) return x;
  const bool local = use == RopeUse::local_rope;
  return builder_.rope(x, positions_of(x), table(local ? Table::local_rope : Table::rope),
                       static_cast<uint>(heads),
                       (local ? dims_.local_rope : dims_.rope).interleaved, std::move(name));
}

void BlockLowering::bind_cache() {
  const std::int64_t heads = dims_.kv_heads;  // each with rows of its own, which lie together
  const TensorType before{DType::f32, Shape{heads * cache_->before, dims_.head_dim}};
  LoweredCache& cache = out_.cache;
  cache.keys = builder_.input(before, "cached keys");
  cache.values = builder_.input(before, "cached values");
  if (!cache_->in_place)
    cache.moved = builder_.input({DType::i32, Shape{heads * cache_->rows}}, "moved rows");
  cache.at = builder_.input({DType::i32, Shape{rows_}}, "rows of the cache");
  cache.offsets = builder_.input({DType::i32, Shape{3, chunk_.sequences() + 1}}, "key offsets");
}

// The rows that stay, moved to their places where they must be, and the chunk's own among them.
Value BlockLowering::with_cache(Value fresh, Value cached, std::string name) {
  const Value kept =
      cache_->in_place ? cached : builder_.embed(out_.cache.moved, cached, name + " moved");
  const Value all =
      builder_.put_rows(kept, out_.cache.at, fresh, cache_->in_place, std::move(name));
  builder_.mark_output(all);
  return all;
}

Value BlockLowering::gated(Value x, Value mixed) {
  if (form_.gated_heads)
    return builder_.gate(mixed, weight(WeightRole::head_gate_offset), x,
                         weight(WeightRole::head_gate), TEPUI_ACT_SIGMOID, "z");
  const Value gate = project(x, WeightRole::attn_gate, WeightRole::attn_gate_offset, "attn gate");
  return builder_.act_mul(gate, mixed, TEPUI_ACT_SIGMOID, "z");
}

Value BlockLowering::attention(Value x, Value own) {
  const Value q_pre = site(Site::q_pre, project(own, WeightRole::q, WeightRole::q_bias, "q_pre"));
  const Value k_pre = site(Site::k_pre, project(x, WeightRole::k, WeightRole::k_bias, "k_pre"));
  const Value v_pre = project(x, WeightRole::v, WeightRole::v_bias, "v");
  const Value v = site(Site::v, clipped(v_pre, "v clipped"));
  const Value q_normed = head_norm(clipped(q_pre, "q clipped"), WeightRole::q_norm,
                                   WeightRole::q_norm_bias, dims_.heads, "q normed");
  const Value k_normed = head_norm(clipped(k_pre, "k clipped"), WeightRole::k_norm,
                                   WeightRole::k_norm_bias, dims_.kv_heads, "k normed");
  const Value q = site(Site::q, rotate(q_normed, dims_.heads, "q"));
  const Value k = site(Site::k, rotate(k_normed, dims_.kv_heads, "k"));
  Builder::AttentionShape shape{.heads = static_cast<uint>(dims_.heads),
                                .kv_heads = static_cast<uint>(dims_.kv_heads),
                                .head_dim = static_cast<uint>(dims_.head_dim),
                                .scale = static_cast<float>(model_.spec.attention_scale(layer_)),
                                .softcap = dims_.score_softcap,
                                .window = static_cast<uint>(model_.spec.layer(layer_).window)};
  if (form_.extra != AttentionExtra::none) shape.form |= TEPUI_ATTEND_EXTRA;
  if (form_.extra == AttentionExtra::v_bias) shape.form |= TEPUI_ATTEND_ALWAYS;
  if (form_.sigmoid_attention) shape.form |= TEPUI_ATTEND_SIGMOID;
  // Behind earlier keys the whole prefix is there, and every query sees what precedes it.
  if (dims_.prefix > 0 && cache_ == nullptr) {
    shape.form |= TEPUI_ATTEND_PREFIX;
    shape.window = static_cast<uint>(dims_.prefix);
  }
  shape.gamma = dims_.score_gamma;
  shape.extra_key = weight(WeightRole::extra_key);
  shape.extra_value = weight(WeightRole::extra_value);
  const Value bias = form_.positions == PositionKind::alibi ? table(Table::key_bias) : kNone;
  Value keys = k;
  Value values = v;
  Value offsets = out_.offsets;
  if (cache_ != nullptr) {
    bind_cache();
    keys = out_.cache.keys_left = with_cache(k, out_.cache.keys, "keys");
    values = out_.cache.values_left = with_cache(v, out_.cache.values, "values");
    offsets = out_.cache.offsets;
  }
  if (last_ != nullptr)
    offsets = out_.last.offsets =
        builder_.input({DType::i32, Shape{3, chunk_.sequences() + 1}}, "last offsets");
  const bool gates = form_.gated_attention || form_.gated_heads;
  const Value mixed =
      builder_.attention(q, keys, values, offsets, bias, shape, gates ? "z ungated" : "z");
  const Value z = site(Site::z, gates ? gated(own, mixed) : mixed);
  return site(Site::attn_out, project(z, WeightRole::o, WeightRole::o_bias, "attn_out"));
}

}  // namespace tepui
