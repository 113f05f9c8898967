// SPDX-License-Identifier: MIT
#include "models/arch/list.h"

#include <cmath>
#include <initializer_list>

#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"mpt"};
constexpr std::string_view kClasses[] = {"MPTForCausalLM", "MptForCausalLM", "MptModel"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"d_model", "hidden_size"}},
    {&Dims::layers, {"n_layers", "num_hidden_layers"}},
    {&Dims::heads, {"n_heads", "num_attention_heads"}},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_seq_len"}, 2048},
};

bool is_learned(const ModelSpec& spec) { return spec.form.positions == PositionKind::learned; }
bool norms_queries(const ModelSpec& spec) { return spec.form.qk_norm != QkNorm::none; }
bool norms_queries_with_bias(const ModelSpec& spec) {
  return norms_queries(spec) && spec.dims.mlp_bias;
}

constexpr Binding fused(WeightRole role) {
  return {.role = role, .name = "blocks.{}.attn.Wqkv.weight", .fused = Fused::qkv};
}
constexpr Binding fused_bias(WeightRole role) {
  return {.role = role,
          .name = "blocks.{}.attn.Wqkv.bias",
          .need = Need::attention_bias,
          .fused = Fused::qkv};
}
constexpr Binding qk_norm(WeightRole role, std::string_view name) {
  return {.role = role, .name = name, .when = norms_queries};
}
constexpr Binding qk_norm_bias(WeightRole role, std::string_view name) {
  return {.role = role, .name = name, .when = norms_queries_with_bias};
}

constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "wte.weight"},
    {.role = WeightRole::position_embedding, .name = "wpe.weight", .when = is_learned},
    {WeightRole::attn_norm, "blocks.{}.norm_1.weight"},
    {WeightRole::attn_norm_bias, "blocks.{}.norm_1.bias", Need::mlp_bias},
    fused(WeightRole::q),
    fused_bias(WeightRole::q_bias),
    qk_norm(WeightRole::q_norm, "blocks.{}.attn.q_ln.weight"),
    qk_norm_bias(WeightRole::q_norm_bias, "blocks.{}.attn.q_ln.bias"),
    fused(WeightRole::k),
    fused_bias(WeightRole::k_bias),
    qk_norm(WeightRole::k_norm, "blocks.{}.attn.k_ln.weight"),
    qk_norm_bias(WeightRole::k_norm_bias, "blocks.{}.attn.k_ln.bias"),
    fused(WeightRole::v),
    fused_bias(WeightRole::v_bias),
    {WeightRole::o, "blocks.{}.attn.out_proj.weight"},
    {WeightRole::o_bias, "blocks.{}.attn.out_proj.bias", Need::mlp_bias},
    {WeightRole::mlp_norm, "blocks.{}.norm_2.weight"},
    {WeightRole::mlp_norm_bias, "blocks.{}.norm_2.bias", Need::mlp_bias},
    {WeightRole::up, "blocks.{}.ffn.up_proj.weight"},
    {WeightRole::up_bias, "blocks.{}.ffn.up_proj.bias", Need::mlp_bias},
    {WeightRole::down, "blocks.{}.ffn.down_proj.weight"},
    {WeightRole::down_bias, "blocks.{}.ffn.down_proj.bias", Need::mlp_bias},
    {WeightRole::final_norm, "norm_f.weight"},
    {WeightRole::final_norm_bias, "norm_f.bias", Need::mlp_bias},
    {WeightRole::head, "lm_head.weight", Need::untied},
};

constexpr std::string_view kPrefixes[] = {"transformer.", ""};

// Keys that change what is computed and that no published model has.
Status refuse(const ConfigReader& config, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys)
    if (config.has(key))
      return tl::unexpected(config.fault(ErrorKind::unsupported, key, "null or no such key"));
  return {};
}

// How many key heads there are goes by the type.
Status read_key_heads(const ConfigReader& config, Dims& dims) {
  TEPUI_TRY(const std::string type, config.text("attn_type", "multihead_attention"));
  if (type == "multihead_attention") return {};
  if (type == "multiquery_attention") {
    dims.kv_heads = 1;
    return {};
  }
  if (type != "grouped_query_attention")
    return tl::unexpected(config.fault(ErrorKind::unsupported, "attn_type",
                                       "multihead_attention, multiquery_attention or "
                                       "grouped_query_attention"));
  TEPUI_TRY(dims.kv_heads, config.size("kv_n_heads", 0));
  if (dims.kv_heads > 0) return {};
  return tl::unexpected(config.fault(ErrorKind::data, "kv_n_heads", "the number of key heads"));
}

Status read_attention(const ConfigReader& config, ModelSpec& spec) {
  Dims& dims = spec.dims;
  TEPUI_TRY(config.must_be("prefix_lm", false, false));
  TEPUI_TRY(config.must_be("rope", false, false));
  TEPUI_TRY(config.must_be("fused_qkv", true, true));
  TEPUI_TRY(refuse(config, {"attn_logit_softcapping", "kv_dim"}));
  if (config.number("sliding_window_size", 0).value_or(0) > 0)
    return tl::unexpected(config.fault(ErrorKind::unsupported, "sliding_window_size", "-1"));
  TEPUI_TRY(read_key_heads(config, dims));
  TEPUI_TRY(const bool alibi, config.flag("alibi", true));
  if (!alibi) spec.form.positions = PositionKind::learned;
  TEPUI_TRY(dims.alibi_max, config.number("alibi_bias_max", 8));
  TEPUI_TRY(const bool whole, config.flag("qk_ln", false));
  TEPUI_TRY(const bool by_head, config.flag("qk_gn", false));
  if (whole || by_head) spec.form.qk_norm = whole ? QkNorm::whole : QkNorm::head;
  TEPUI_TRY(const double clip, config.number("clip_qkv", 0));
  TEPUI_TRY(const double scale, config.number("softmax_scale", 0));
  dims.clip_qkv = static_cast<float>(clip);
  dims.score_scale = static_cast<float>(scale);
  return {};
}

Status check_norms(const ConfigReader& config) {
  TEPUI_TRY(const std::string type, config.text("norm_type", "low_precision_layernorm"));
  if (type == "low_precision_layernorm" || type == "layernorm") return {};
  return tl::unexpected(
      config.fault(ErrorKind::unsupported, "norm_type", "low_precision_layernorm or layernorm"));
}

Status read_mlp(const ConfigReader& config, Dims& dims) {
  TEPUI_TRY(const int ratio, config.size("expansion_ratio", 4, 64));
  dims.hidden = ratio * dims.width;
  TEPUI_TRY(const auto ffn, config.object("ffn_config"));
  if (!ffn) return {};
  TEPUI_TRY(const std::string type, ffn->text("ffn_type", "mptmlp"));
  if (type != "mptmlp")
    return tl::unexpected(ffn->fault(ErrorKind::unsupported, "ffn_type", "mptmlp"));
  TEPUI_TRY(refuse(*ffn, {"ffn_act_fn"}));
  TEPUI_TRY(dims.hidden, ffn->size("ffn_hidden_size", dims.hidden));
  return {};
}

// A number, or the one word there is for one.
Status read_logits(const ConfigReader& config, Dims& dims) {
  TEPUI_TRY(const double cap, config.number("final_logit_softcapping", 0));
  dims.logit_softcap = static_cast<float>(cap);
  if (const auto word = config.text("logit_scale", ""); word && *word == "inv_sqrt_d_model") {
    dims.logit_scale = static_cast<float>(1 / std::sqrt(static_cast<double>(dims.width)));
    return {};
  }
  TEPUI_TRY(const double scale, config.number("logit_scale", 1));
  dims.logit_scale = static_cast<float>(scale);
  return {};
}

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(refuse(config, {"block_overrides"}));
  TEPUI_TRY(const bool bare, config.flag("no_bias", true));
  spec.dims.mlp_bias = !bare;
  TEPUI_TRY(spec.dims.attention_bias, config.flag("attention_bias", !bare));
  TEPUI_TRY(const auto attention, config.object("attn_config"));
  if (attention) TEPUI_TRY(read_attention(*attention, spec));
  if (is_learned(spec)) TEPUI_TRY(config.must_be("learned_pos_emb", true, true));
  TEPUI_TRY(check_norms(config));
  TEPUI_TRY(read_mlp(config, spec.dims));
  return read_logits(config, spec.dims);
}

constexpr ArchSpec kArch = {
    .name = "mpt",
    .differs =
        "MPT 7B and 30B: LayerNorm without biases, no positions but ALiBi (slopes scaled by "
        "alibi_bias_max), a plain MLP with exact GELU, q, k and v in thirds of one matrix "
        "and limited to -clip_qkv .. clip_qkv, no biases anywhere, tied head. Others of the "
        "family have learned positions instead, norms of all queries and of all keys (qk_ln) or "
        "of each head (qk_gn) behind the limits, fewer key heads, biases everywhere, a "
        "scale for scores and one for logits.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.norm = NormKind::layer, .positions = PositionKind::alibi, .mlp = MlpKind::plain},
    .ints = kInts,
    .bools = {},
    .eps_keys = {"layer_norm_epsilon", "norm_eps"},
    .eps_fallback = 1e-5F,
    .act_keys = {},
    .act_fallback = "gelu",
    .tied_fallback = true,
    .bindings = kBindings,
    .prefixes = kPrefixes,
    .ignored = {},
    .adjust = adjust,
};

}  // namespace

const ArchSpec& mpt_arch() { return kArch; }

}  // namespace tepui
