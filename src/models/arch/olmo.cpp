// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/arch/llama_names.h"
#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"olmo"};
constexpr std::string_view kClasses[] = {"OlmoForCausalLM", "OlmoModel"};

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

constexpr std::array<Binding, 1> kHead{{
    {WeightRole::head, "lm_head.weight", Need::untied},
}};

constexpr auto kBindings =
    llama_names::join(llama_names::kTokens, llama_names::kAttention, llama_names::kAttentionBiases,
                      llama_names::kGatedMlp, kHead);

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(const double clip, config.number("clip_qkv", 0));
  spec.dims.clip_qkv = static_cast<float>(clip);
  return {};
}

constexpr ArchSpec kArch = {
    .name = "olmo",
    .differs =
        "OLMo 1: LLaMA with LayerNorms that have neither weight nor bias (eps 1e-5, "
        "whatever the configuration says) and, in some, q, k and v limited to -clip_qkv .. "
        "clip_qkv.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.norm = NormKind::layer},
    .ints = kInts,
    .bools = kBools,
    .eps_keys = {},
    .eps_fallback = 1e-5F,
    .act_keys = {"hidden_act"},
    .act_fallback = "silu",
    .tied_fallback = false,
    .bindings = kBindings,
    .prefixes = llama_names::kPrefixes,
    .ignored = llama_names::kIgnored,
    .adjust = adjust,
};

}  // namespace

const ArchSpec& olmo_arch() { return kArch; }

}  // namespace tepui
