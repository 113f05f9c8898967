// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/arch/llama_names.h"
#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"phi"};
constexpr std::string_view kClasses[] = {"PhiForCausalLM", "PhiModel"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size"}},
    {&Dims::hidden, {"intermediate_size"}},
    {&Dims::layers, {"num_hidden_layers"}},
    {&Dims::heads, {"num_attention_heads"}},
    {&Dims::kv_heads, {"num_key_value_heads"}, 0},
    {&Dims::head_dim, {"head_dim"}, 0},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_position_embeddings"}, 2048},
};

bool norms_heads(const ModelSpec& spec) { return spec.form.qk_norm != QkNorm::none; }

constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "model.embed_tokens.weight"},
    {WeightRole::attn_norm, "model.layers.{}.input_layernorm.weight"},
    {WeightRole::attn_norm_bias, "model.layers.{}.input_layernorm.bias"},
    {WeightRole::q, "model.layers.{}.self_attn.q_proj.weight"},
    {WeightRole::q_bias, "model.layers.{}.self_attn.q_proj.bias"},
    {WeightRole::k, "model.layers.{}.self_attn.k_proj.weight"},
    {WeightRole::k_bias, "model.layers.{}.self_attn.k_proj.bias"},
    {WeightRole::v, "model.layers.{}.self_attn.v_proj.weight"},
    {WeightRole::v_bias, "model.layers.{}.self_attn.v_proj.bias"},
    {.role = WeightRole::q_norm,
     .name = "model.layers.{}.self_attn.q_layernorm.weight",
     .when = norms_heads},
    {.role = WeightRole::q_norm_bias,
     .name = "model.layers.{}.self_attn.q_layernorm.bias",
     .when = norms_heads},
    {.role = WeightRole::k_norm,
     .name = "model.layers.{}.self_attn.k_layernorm.weight",
     .when = norms_heads},
    {.role = WeightRole::k_norm_bias,
     .name = "model.layers.{}.self_attn.k_layernorm.bias",
     .when = norms_heads},
    {WeightRole::o, "model.layers.{}.self_attn.dense.weight"},
    {WeightRole::o_bias, "model.layers.{}.self_attn.dense.bias"},
    {WeightRole::up, "model.layers.{}.mlp.fc1.weight"},
    {WeightRole::up_bias, "model.layers.{}.mlp.fc1.bias"},
    {WeightRole::down, "model.layers.{}.mlp.fc2.weight"},
    {WeightRole::down_bias, "model.layers.{}.mlp.fc2.bias"},
    {WeightRole::final_norm, "model.final_layernorm.weight"},
    {WeightRole::final_norm_bias, "model.final_layernorm.bias"},
    {WeightRole::head, "lm_head.weight", Need::untied},
    {WeightRole::head_bias, "lm_head.bias"},
};

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(const bool norms, config.flag("qk_layernorm", false));
  if (norms) spec.form.qk_norm = QkNorm::head;
  return {};
}

constexpr ArchSpec kArch = {
    .name = "phi",
    .differs =
        "Phi-1.5 and Phi-2: attention and a plain MLP in parallel behind one LayerNorm, "
        "rotary positions on part of each head (0.5; 0.4 in Phi-2), biases everywhere, also "
        "on the head. Optionally a LayerNorm of every query and key head.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.norm = NormKind::layer,
             .mlp = MlpKind::plain,
             .block = BlockKind::parallel,
             .shared_norm = true},
    .ints = kInts,
    .bools = {},
    .eps_keys = {"layer_norm_eps"},
    .eps_fallback = 1e-5F,
    .act_keys = {"hidden_act"},
    .act_fallback = "gelu_new",
    .tied_fallback = false,
    .bindings = kBindings,
    .prefixes = llama_names::kPrefixes,
    .ignored = llama_names::kIgnored,
    .rope = {.is_partial = true, .part = 0.5},
    .adjust = adjust,
};

}  // namespace

const ArchSpec& phi_arch() { return kArch; }

}  // namespace tepui
