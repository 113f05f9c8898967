// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"bloom"};
constexpr std::string_view kClasses[] = {"BloomForCausalLM", "BloomModel"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size", "n_embed"}},
    {&Dims::layers, {"n_layer", "num_hidden_layers"}},
    {&Dims::heads, {"n_head", "num_attention_heads"}},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"seq_length"}, 2048},
};

constexpr Binding fused(WeightRole role, std::string_view name) {
  return {.role = role, .name = name, .fused = Fused::qkv_groups};
}

constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "word_embeddings.weight"},
    {WeightRole::embedding_norm, "word_embeddings_layernorm.weight"},
    {WeightRole::embedding_norm_bias, "word_embeddings_layernorm.bias"},
    {WeightRole::attn_norm, "h.{}.input_layernorm.weight"},
    {WeightRole::attn_norm_bias, "h.{}.input_layernorm.bias"},
    fused(WeightRole::q, "h.{}.self_attention.query_key_value.weight"),
    fused(WeightRole::q_bias, "h.{}.self_attention.query_key_value.bias"),
    fused(WeightRole::k, "h.{}.self_attention.query_key_value.weight"),
    fused(WeightRole::k_bias, "h.{}.self_attention.query_key_value.bias"),
    fused(WeightRole::v, "h.{}.self_attention.query_key_value.weight"),
    fused(WeightRole::v_bias, "h.{}.self_attention.query_key_value.bias"),
    {WeightRole::o, "h.{}.self_attention.dense.weight"},
    {WeightRole::o_bias, "h.{}.self_attention.dense.bias"},
    {WeightRole::mlp_norm, "h.{}.post_attention_layernorm.weight"},
    {WeightRole::mlp_norm_bias, "h.{}.post_attention_layernorm.bias"},
    {WeightRole::up, "h.{}.mlp.dense_h_to_4h.weight"},
    {WeightRole::up_bias, "h.{}.mlp.dense_h_to_4h.bias"},
    {WeightRole::down, "h.{}.mlp.dense_4h_to_h.weight"},
    {WeightRole::down_bias, "h.{}.mlp.dense_4h_to_h.bias"},
    {WeightRole::final_norm, "ln_f.weight"},
    {WeightRole::final_norm_bias, "ln_f.bias"},
    {WeightRole::head, "lm_head.weight", Need::untied},
};

constexpr std::string_view kPrefixes[] = {"", "transformer."};

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(spec.form.residual_normed,
            config.flag("apply_residual_connection_post_layernorm", false));
  return {};
}

constexpr ArchSpec kArch = {
    .name = "bloom",
    .differs =
        "BLOOM: a LayerNorm of the token embedding, no positions but ALiBi (a bias on "
        "scores that grows with the distance, by a slope for each head), a plain MLP with "
        "tanh GELU, q, k and v of each head behind one another in one matrix, biases "
        "everywhere, tied head. Optionally what a norm gives, not what it reads, goes on as "
        "residual.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.norm = NormKind::layer, .positions = PositionKind::alibi, .mlp = MlpKind::plain},
    .ints = kInts,
    .bools = {},
    .eps_keys = {"layer_norm_epsilon"},
    .eps_fallback = 1e-5F,
    .act_keys = {},
    .act_fallback = "gelu_new",
    .tied_fallback = true,
    .bindings = kBindings,
    .prefixes = kPrefixes,
    .ignored = {},
    .adjust = adjust,
};

}  // namespace

const ArchSpec& bloom_arch() { return kArch; }

}  // namespace tepui
