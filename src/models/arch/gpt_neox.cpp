// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"gpt_neox"};
constexpr std::string_view kClasses[] = {"GPTNeoXForCausalLM", "GPTNeoXModel"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size"}},        {&Dims::hidden, {"intermediate_size"}},
    {&Dims::layers, {"num_hidden_layers"}}, {&Dims::heads, {"num_attention_heads"}},
    {&Dims::vocabulary, {"vocab_size"}},    {&Dims::context, {"max_position_embeddings"}, 2048},
};

constexpr BoolKey kBools[] = {
    {&Dims::attention_bias, "attention_bias", true},
};

constexpr Binding fused(WeightRole role, bool bias) {
  return {.role = role,
          .name = bias ? "gpt_neox.layers.{}.attention.query_key_value.bias"
                       : "gpt_neox.layers.{}.attention.query_key_value.weight",
          .need = bias ? Need::attention_bias : Need::required,
          .fused = Fused::qkv_groups};
}

constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "gpt_neox.embed_in.weight"},
    {WeightRole::attn_norm, "gpt_neox.layers.{}.input_layernorm.weight"},
    {WeightRole::attn_norm_bias, "gpt_neox.layers.{}.input_layernorm.bias"},
    fused(WeightRole::q, false),
    fused(WeightRole::q_bias, true),
    fused(WeightRole::k, false),
    fused(WeightRole::k_bias, true),
    fused(WeightRole::v, false),
    fused(WeightRole::v_bias, true),
    {WeightRole::o, "gpt_neox.layers.{}.attention.dense.weight"},
    {WeightRole::o_bias, "gpt_neox.layers.{}.attention.dense.bias", Need::attention_bias},
    {WeightRole::mlp_norm, "gpt_neox.layers.{}.post_attention_layernorm.weight"},
    {WeightRole::mlp_norm_bias, "gpt_neox.layers.{}.post_attention_layernorm.bias"},
    {WeightRole::up, "gpt_neox.layers.{}.mlp.dense_h_to_4h.weight"},
    {WeightRole::up_bias, "gpt_neox.layers.{}.mlp.dense_h_to_4h.bias"},
    {WeightRole::down, "gpt_neox.layers.{}.mlp.dense_4h_to_h.weight"},
    {WeightRole::down_bias, "gpt_neox.layers.{}.mlp.dense_4h_to_h.bias"},
    {WeightRole::final_norm, "gpt_neox.final_layer_norm.weight"},
    {WeightRole::final_norm_bias, "gpt_neox.final_layer_norm.bias"},
    {WeightRole::head, "embed_out.weight", Need::untied},
};

constexpr std::string_view kPrefixes[] = {""};
constexpr std::string_view kIgnored[] = {".attention.bias", ".attention.masked_bias",
                                         ".rotary_emb.inv_freq"};

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(const bool parallel, config.flag("use_parallel_residual", true));
  spec.form.block = parallel ? BlockKind::parallel : BlockKind::sequential;
  return {};
}

constexpr ArchSpec kArch = {
    .name = "gpt_neox",
    .differs =
        "GPT-NeoX and Pythia: attention and a plain MLP in parallel, each behind its own "
        "LayerNorm (one after the other where use_parallel_residual is false); rotary "
        "positions on a quarter of each head; q, k and v of each head behind one another in "
        "one matrix; biases everywhere but on the head.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.norm = NormKind::layer, .mlp = MlpKind::plain, .block = BlockKind::parallel},
    .ints = kInts,
    .bools = kBools,
    .eps_keys = {"layer_norm_eps"},
    .eps_fallback = 1e-5F,
    .act_keys = {"hidden_act"},
    .act_fallback = "gelu",
    .tied_fallback = false,
    .bindings = kBindings,
    .prefixes = kPrefixes,
    .ignored = kIgnored,
    .rope = {.is_partial = true,
             .part = 0.25,
             .theta_key = "rotary_emb_base",
             .part_key = "rotary_pct"},
    .adjust = adjust,
};

}  // namespace

const ArchSpec& gpt_neox_arch() { return kArch; }

}  // namespace tepui
