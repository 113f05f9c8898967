// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/arch/llama_names.h"
#include "models/arch/windows.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"qwen2"};
constexpr std::string_view kClasses[] = {"Qwen2ForCausalLM", "Qwen2Model"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size"}},
    {&Dims::hidden, {"intermediate_size"}},
    {&Dims::layers, {"num_hidden_layers"}},
    {&Dims::heads, {"num_attention_heads"}},
    {&Dims::kv_heads, {"num_key_value_heads"}, 0},
    {&Dims::head_dim, {"head_dim"}, 0},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_position_embeddings"}, 32768},
};

constexpr auto kBindings = llama_names::join(
    llama_names::kTokens, llama_names::kNorms, llama_names::kAttention,
    llama_names::qkv_biases(Need::required), llama_names::kGatedMlp, llama_names::kHead);

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(const bool slides, config.flag("use_sliding_window", false));
  TEPUI_TRY(const int window, read_window(config, 4096));
  TEPUI_TRY(const int first, config.size("max_window_layers", 28));
  return read_layers(
      config, [&](int layer) { return slides && layer >= first; }, {.window = slides ? window : 0},
      {}, spec);
}

constexpr ArchSpec kArch = {
    .name = "qwen2",
    .differs =
        "Qwen 2 and 2.5: LLaMA with biases on q, k and v, never on the output projection; "
        "tied head in the small ones. A window, where use_sliding_window switches it on, "
        "begins at layer max_window_layers. Long contexts by yarn.",
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

const ArchSpec& qwen2_arch() { return kArch; }

}  // namespace tepui
