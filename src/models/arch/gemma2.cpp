// SPDX-License-Identifier: MIT
#include "models/arch/list.h"

#include <cmath>

#include "models/arch/llama_names.h"
#include "models/arch/windows.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"gemma2"};
constexpr std::string_view kClasses[] = {"Gemma2ForCausalLM", "Gemma2Model"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size"}},
    {&Dims::hidden, {"intermediate_size"}},
    {&Dims::layers, {"num_hidden_layers"}},
    {&Dims::heads, {"num_attention_heads"}},
    {&Dims::kv_heads, {"num_key_value_heads"}, 4},
    {&Dims::head_dim, {"head_dim"}, 256},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_position_embeddings"}, 8192},
};

constexpr BoolKey kBools[] = {
    {&Dims::attention_bias, "attention_bias", false},
};

constexpr std::array<Binding, 4> kNorms{{
    {WeightRole::attn_norm, "model.layers.{}.input_layernorm.weight"},
    {WeightRole::attn_norm_behind, "model.layers.{}.post_attention_layernorm.weight"},
    {WeightRole::mlp_norm, "model.layers.{}.pre_feedforward_layernorm.weight"},
    {WeightRole::mlp_norm_behind, "model.layers.{}.post_feedforward_layernorm.weight"},
}};

constexpr auto kBindings =
    llama_names::join(llama_names::kTokens, kNorms, llama_names::kAttention,
                      llama_names::kAttentionBiases, llama_names::kGatedMlp, llama_names::kHead);

// A cap of null is none; an absent one is the family's.
Result<float> read_cap(const ConfigReader& config, std::string_view key, double fallback) {
  TEPUI_TRY(const double cap, config.number(key, config.is_null(key) ? 0 : fallback));
  return static_cast<float>(cap);
}

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  Dims& dims = spec.dims;
  TEPUI_TRY(config.must_be("use_bidirectional_attention", false, false));
  dims.embedding_scale = std::sqrt(static_cast<float>(dims.width));
  TEPUI_TRY(const double scalar, config.number("query_pre_attn_scalar", 256));
  dims.score_scale = static_cast<float>(1 / std::sqrt(scalar));
  TEPUI_TRY(dims.score_softcap, read_cap(config, "attn_logit_softcapping", 50));
  TEPUI_TRY(dims.logit_softcap, read_cap(config, "final_logit_softcapping", 30));
  TEPUI_TRY(const int window, read_window(config, 4096));
  return read_layers(
      config, [](int layer) { return layer % 2 == 0; }, {.window = window}, {}, spec);
}

constexpr ArchSpec kArch = {
    .name = "gemma2",
    .differs =
        "Gemma 2: Gemma with a norm before and behind attention and MLP, scores scaled by 1 "
        "/ sqrt(query_pre_attn_scalar) and capped by 50 tanh(s / 50), logits capped at 30, "
        "and a window of 4096 in every other layer, the first one included.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.norms_behind = true},
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

const ArchSpec& gemma2_arch() { return kArch; }

}  // namespace tepui
