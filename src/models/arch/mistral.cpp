// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/arch/llama_names.h"
#include "models/arch/windows.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"mistral"};
constexpr std::string_view kClasses[] = {"MistralForCausalLM", "MistralModel"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size"}},
    {&Dims::hidden, {"intermediate_size"}},
    {&Dims::layers, {"num_hidden_layers"}},
    {&Dims::heads, {"num_attention_heads"}},
    {&Dims::kv_heads, {"num_key_value_heads"}, 0},
    {&Dims::head_dim, {"head_dim"}, 0},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_position_embeddings"}, 131072},
};

constexpr auto kBindings =
    llama_names::join(llama_names::kTokens, llama_names::kNorms, llama_names::kAttention,
                      llama_names::kGatedMlp, llama_names::kHead);

// 0.1 says 4096, which is also what an absent key means; later versions say null.
Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(const int window, read_window(config, 4096));
  slide_everywhere(window, spec);
  return {};
}

constexpr ArchSpec kArch = {
    .name = "mistral",
    .differs =
        "Mistral 7B and its kin: LLaMA with grouped queries and, in version 0.1, a sliding "
        "window of 4096 keys in every layer.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {},
    .ints = kInts,
    .bools = {},
    .eps_keys = {"rms_norm_eps"},
    .eps_fallback = 1e-6F,
    .act_keys = {"hidden_act"},
    .act_fallback = "silu",
    .tied_fallback = false,
    .bindings = kBindings,
    .prefixes = llama_names::kPrefixes,
    .ignored = llama_names::kIgnored,
    .adjust = adjust,
};

}  // namespace

const ArchSpec& mistral_arch() { return kArch; }

}  // namespace tepui
