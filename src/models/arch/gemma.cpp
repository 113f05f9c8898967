// SPDX-License-Identifier: MIT
#include "models/arch/list.h"

#include <cmath>

#include "models/arch/llama_names.h"
#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"gemma"};
constexpr std::string_view kClasses[] = {"GemmaForCausalLM", "GemmaModel"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size"}},
    {&Dims::hidden, {"intermediate_size"}},
    {&Dims::layers, {"num_hidden_layers"}},
    {&Dims::heads, {"num_attention_heads"}},
    {&Dims::kv_heads, {"num_key_value_heads"}, 0},
    {&Dims::head_dim, {"head_dim"}, 256},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_position_embeddings"}, 8192},
};

constexpr BoolKey kBools[] = {
    {&Dims::attention_bias, "attention_bias", false},
};

constexpr auto kBindings =
    llama_names::join(llama_names::kTokens, llama_names::kNorms, llama_names::kAttention,
                      llama_names::kAttentionBiases, llama_names::kGatedMlp, llama_names::kHead);

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(config.must_be("use_bidirectional_attention", false, false));
  spec.dims.embedding_scale = std::sqrt(static_cast<float>(spec.dims.width));
  return {};
}

constexpr ArchSpec kArch = {
    .name = "gemma",
    .differs =
        "Gemma 1: LLaMA with embeddings multiplied by sqrt(width), norms whose files hold w "
        "for a weight of 1 + w, a GELU gate (gelu in a configuration means its tanh form), "
        "a head size of 256 that is not width / heads, and a tied head.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {},
    .ints = kInts,
    .bools = kBools,
    .eps_keys = {"rms_norm_eps"},
    .eps_fallback = 1e-6F,
    .act_keys = {"hidden_activation", "hidden_act"},
    .act_fallback = "gelu_pytorch_tanh",
    .gelu_is_tanh = true,
    .tied_fallback = true,
    .bindings = kBindings,
    .prefixes = llama_names::kPrefixes,
    .ignored = llama_names::kIgnored,
    .norm_offset = 1,
    .adjust = adjust,
};

}  // namespace

const ArchSpec& gemma_arch() { return kArch; }

}  // namespace tepui
