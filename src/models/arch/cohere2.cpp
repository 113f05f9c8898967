// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/arch/llama_names.h"
#include "models/arch/windows.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"cohere2"};
constexpr std::string_view kClasses[] = {"Cohere2ForCausalLM", "Cohere2Model"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size"}},
    {&Dims::hidden, {"intermediate_size"}},
    {&Dims::layers, {"num_hidden_layers"}},
    {&Dims::heads, {"num_attention_heads"}},
    {&Dims::kv_heads, {"num_key_value_heads"}, 0},
    {&Dims::head_dim, {"head_dim"}, 0},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_position_embeddings"}, 8192},
};

constexpr BoolKey kBools[] = {
    {&Dims::attention_bias, "attention_bias", false},
};

constexpr std::array<Binding, 1> kNorms{{
    {WeightRole::attn_norm, "model.layers.{}.input_layernorm.weight"},
}};

constexpr auto kBindings =
    llama_names::join(llama_names::kTokens, kNorms, llama_names::kAttention,
                      llama_names::kAttentionBiases, llama_names::kGatedMlp, llama_names::kHead);

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(const double scale, config.number("logit_scale", 0.0625));
  spec.dims.logit_scale = static_cast<float>(scale);
  TEPUI_TRY(const int window, read_window(config, 4096));
  TEPUI_TRY(const int pattern, config.size("sliding_window_pattern", 4));
  return read_layers(
      config, [&](int layer) { return (layer + 1) % pattern != 0; }, {.window = window},
      {.rope = RopeUse::none}, spec);
}

constexpr ArchSpec kArch = {
    .name = "cohere2",
    .differs =
        "Cohere 2 (Command R7B, Command A): Cohere with three sliding layers before each "
        "full one; the full ones have no positions at all.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.norm = NormKind::layer, .block = BlockKind::parallel, .shared_norm = true},
    .ints = kInts,
    .bools = kBools,
    .eps_keys = {"layer_norm_eps"},
    .eps_fallback = 1e-5F,
    .act_keys = {"hidden_act"},
    .act_fallback = "silu",
    .tied_fallback = true,
    .bindings = kBindings,
    .prefixes = llama_names::kPrefixes,
    .ignored = llama_names::kIgnored,
    .rope = {.theta = 1e4, .interleaved = true},
    .adjust = adjust,
};

}  // namespace

const ArchSpec& cohere2_arch() { return kArch; }

}  // namespace tepui
