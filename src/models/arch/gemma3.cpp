// SPDX-License-Identifier: MIT
#include "models/arch/list.h"

#include <cmath>

#include "models/arch/windows.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"gemma3", "gemma3_text"};
constexpr std::string_view kClasses[] = {"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration",
                                         "Gemma3TextModel"};

// Configurations that also have eyes leave out much of what follows.
constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size"}},
    {&Dims::hidden, {"intermediate_size"}},
    {&Dims::layers, {"num_hidden_layers"}},
    {&Dims::heads, {"num_attention_heads"}, 8},
    {&Dims::kv_heads, {"num_key_value_heads"}, 4},
    {&Dims::head_dim, {"head_dim"}, 256},
    {&Dims::vocabulary, {"vocab_size"}, 262208},
    {&Dims::context, {"max_position_embeddings"}, 131072},
};

constexpr BoolKey kBools[] = {
    {&Dims::attention_bias, "attention_bias", false},
};

constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "embed_tokens.weight"},
    {WeightRole::attn_norm, "layers.{}.input_layernorm.weight"},
    {WeightRole::q, "layers.{}.self_attn.q_proj.weight"},
    {WeightRole::q_bias, "layers.{}.self_attn.q_proj.bias", Need::attention_bias},
    {WeightRole::q_norm, "layers.{}.self_attn.q_norm.weight"},
    {WeightRole::k, "layers.{}.self_attn.k_proj.weight"},
    {WeightRole::k_bias, "layers.{}.self_attn.k_proj.bias", Need::attention_bias},
    {WeightRole::k_norm, "layers.{}.self_attn.k_norm.weight"},
    {WeightRole::v, "layers.{}.self_attn.v_proj.weight"},
    {WeightRole::v_bias, "layers.{}.self_attn.v_proj.bias", Need::attention_bias},
    {WeightRole::o, "layers.{}.self_attn.o_proj.weight"},
    {WeightRole::o_bias, "layers.{}.self_attn.o_proj.bias", Need::attention_bias},
    {WeightRole::attn_norm_behind, "layers.{}.post_attention_layernorm.weight"},
    {WeightRole::mlp_norm, "layers.{}.pre_feedforward_layernorm.weight"},
    {WeightRole::gate, "layers.{}.mlp.gate_proj.weight"},
    {WeightRole::up, "layers.{}.mlp.up_proj.weight"},
    {WeightRole::down, "layers.{}.mlp.down_proj.weight"},
    {WeightRole::mlp_norm_behind, "layers.{}.post_feedforward_layernorm.weight"},
    {WeightRole::final_norm, "norm.weight"},
    {WeightRole::head, "lm_head.weight", Need::untied},
};

constexpr std::string_view kPrefixes[] = {"model.", "language_model.model.",
                                          "model.language_model.", "", "language_model."};
// The eyes.
constexpr std::string_view kIgnored[] = {"vision_tower.", "multi_modal_projector.",
                                         "model.vision_tower.", "model.multi_modal_projector."};

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  Dims& dims = spec.dims;
  TEPUI_TRY(config.must_be("use_bidirectional_attention", false, false));
  dims.embedding_scale = std::sqrt(static_cast<float>(dims.width));
  TEPUI_TRY(const double scalar, config.number("query_pre_attn_scalar", 256));
  dims.score_scale = static_cast<float>(1 / std::sqrt(scalar));
  TEPUI_TRY(const double cap, config.number("final_logit_softcapping", 0));
  dims.logit_softcap = static_cast<float>(cap);
  TEPUI_TRY(const int window, read_window(config, 4096));
  TEPUI_TRY(const int pattern, config.size("sliding_window_pattern", 6));
  // Old keys: the local frequencies have their own base and are never scaled.
  if (!config.has("rope_parameters")) {
    dims.local_rope = RopeSpec{};
    dims.local_rope.rotary_dim = dims.rope.rotary_dim;
    dims.local_rope.original_context = dims.context;
    TEPUI_TRY(dims.local_rope.theta, config.number("rope_local_base_freq", 1e4));
  }
  return read_layers(
      config, [&](int layer) { return (layer + 1) % pattern != 0; },
      {.window = window, .rope = RopeUse::local_rope}, {}, spec);
}

constexpr ArchSpec kArch = {
    .name = "gemma3",
    .differs =
        "Gemma 3 (text): Gemma 2 with norms of every query and key head instead of capped "
        "scores, five sliding layers before each full one (layer_types or "
        "sliding_window_pattern), and two sets of rotary frequencies: base 1e4 in sliding "
        "layers, 1e6 in full ones, only the latter scaled. Of files that also hold a vision "
        "tower the decoder is read.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.qk_norm = QkNorm::head, .norms_behind = true},
    .ints = kInts,
    .bools = kBools,
    .eps_keys = {"rms_norm_eps"},
    .eps_fallback = 1e-6F,
    .act_keys = {"hidden_activation", "hidden_act"},
    .act_fallback = "gelu_pytorch_tanh",
    .gelu_is_tanh = true,
    .tied_fallback = true,
    .bindings = kBindings,
    .prefixes = kPrefixes,
    .ignored = kIgnored,
    .rope = {.theta = 1e6, .local_theta = 1e4},
    .norm_offset = 1,
    .adjust = adjust,
};

}  // namespace

const ArchSpec& gemma3_arch() { return kArch; }

}  // namespace tepui
