// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/arch/llama_names.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"olmo2"};
constexpr std::string_view kClasses[] = {"Olmo2ForCausalLM", "Olmo2Model"};

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

constexpr BoolKey kBools[] = {
    {&Dims::attention_bias, "attention_bias", false},
};

constexpr std::array<Binding, 2> kNorms{{
    {WeightRole::attn_norm_behind, "model.layers.{}.post_attention_layernorm.weight"},
    {WeightRole::mlp_norm_behind, "model.layers.{}.post_feedforward_layernorm.weight"},
}};

constexpr auto kBindings = llama_names::join(llama_names::kTokens, kNorms, llama_names::kAttention,
                                             llama_names::kAttentionBiases, llama_names::kQkNorms,
                                             llama_names::kGatedMlp, llama_names::kHead);

constexpr ArchSpec kArch = {
    .name = "olmo2",
    .differs =
        "OLMo 2: LLaMA with no norm before attention and MLP but one behind each, before "
        "what they give is added, and RMSNorms of all queries together and of all keys "
        "together, before they are cut into heads.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.qk_norm = QkNorm::whole, .norms_before = false, .norms_behind = true},
    .ints = kInts,
    .bools = kBools,
    .eps_keys = {"rms_norm_eps"},
    .eps_fallback = 1e-5F,
    .act_keys = {"hidden_act"},
    .act_fallback = "silu",
    .tied_fallback = false,
    .bindings = kBindings,
    .prefixes = llama_names::kPrefixes,
    .ignored = llama_names::kIgnored,
};

}  // namespace

const ArchSpec& olmo2_arch() { return kArch; }

}  // namespace tepui
