// SPDX-License-Identifier: MIT
#include "models/arch/list.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"llama"};
constexpr std::string_view kClasses[] = {"LlamaForCausalLM", "LLaMAForCausalLM", "LlamaModel"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size", "dim"}},
    {&Dims::hidden, {"intermediate_size"}},
    {&Dims::layers, {"num_hidden_layers", "n_layers"}},
    {&Dims::heads, {"num_attention_heads", "n_heads"}},
    {&Dims::kv_heads, {"num_key_value_heads", "n_kv_heads"}, 0},
    {&Dims::head_dim, {"head_dim"}, 0},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_position_embeddings", "max_sequence_length"}, 2048},
};

constexpr BoolKey kBools[] = {
    {&Dims::attention_bias, "attention_bias", false},
    {&Dims::mlp_bias, "mlp_bias", false},
};

constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "model.embed_tokens.weight"},
    {WeightRole::attn_norm, "model.layers.{}.input_layernorm.weight"},
    {WeightRole::q, "model.layers.{}.self_attn.q_proj.weight"},
    {WeightRole::q_bias, "model.layers.{}.self_attn.q_proj.bias", Need::attention_bias},
    {WeightRole::k, "model.layers.{}.self_attn.k_proj.weight"},
    {WeightRole::k_bias, "model.layers.{}.self_attn.k_proj.bias", Need::attention_bias},
    {WeightRole::v, "model.layers.{}.self_attn.v_proj.weight"},
    {WeightRole::v_bias, "model.layers.{}.self_attn.v_proj.bias", Need::attention_bias},
    {WeightRole::o, "model.layers.{}.self_attn.o_proj.weight"},
    {WeightRole::o_bias, "model.layers.{}.self_attn.o_proj.bias", Need::attention_bias},
    {WeightRole::mlp_norm, "model.layers.{}.post_attention_layernorm.weight"},
    {WeightRole::gate, "model.layers.{}.mlp.gate_proj.weight"},
    {WeightRole::gate_bias, "model.layers.{}.mlp.gate_proj.bias", Need::mlp_bias},
    {WeightRole::up, "model.layers.{}.mlp.up_proj.weight"},
    {WeightRole::up_bias, "model.layers.{}.mlp.up_proj.bias", Need::mlp_bias},
    {WeightRole::down, "model.layers.{}.mlp.down_proj.weight"},
    {WeightRole::down_bias, "model.layers.{}.mlp.down_proj.bias", Need::mlp_bias},
    {WeightRole::final_norm, "model.norm.weight"},
    {WeightRole::head, "lm_head.weight", Need::untied},
};

constexpr std::string_view kPrefixes[] = {""};
constexpr std::string_view kIgnored[] = {"rotary_emb.inv_freq"};

constexpr ArchSpec kLlama = {
    .name = "llama",
    .differs =
        "LLaMA 1 to 3.3 and R1-Distill-Llama: RMSNorm before attention and MLP, SwiGLU, "
        "grouped-query "
        "attention, rotary positions over the whole head in rotate-half pairs (HF folders have "
        "the rows so), no "
        "biases unless the configuration says so, untied head except in 3.2 1B and 3B. LLaMA 3.1 "
        "and later "
        "scale the low rotary frequencies (llama3).",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {},
    .ints = kInts,
    .bools = kBools,
    .eps_keys = {"rms_norm_eps"},
    .eps_fallback = 1e-6F,
    .act_keys = {"hidden_act"},
    .act_fallback = "silu",
    .tied_fallback = false,
    .bindings = kBindings,
    .prefixes = kPrefixes,
    .ignored = kIgnored,
};

}  // namespace

const ArchSpec& llama_arch() { return kLlama; }

}  // namespace tepui
