// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/arch/llama_names.h"
#include "models/arch/windows.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"phi3"};
constexpr std::string_view kClasses[] = {"Phi3ForCausalLM", "Phi3Model"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size"}},
    {&Dims::hidden, {"intermediate_size"}},
    {&Dims::layers, {"num_hidden_layers"}},
    {&Dims::heads, {"num_attention_heads"}},
    {&Dims::kv_heads, {"num_key_value_heads"}, 0},
    {&Dims::head_dim, {"head_dim"}, 0},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_position_embeddings"}, 4096},
};

constexpr std::array<Binding, 6> kFused{{
    {.role = WeightRole::q,
     .name = "model.layers.{}.self_attn.qkv_proj.weight",
     .fused = Fused::qkv},
    {.role = WeightRole::k,
     .name = "model.layers.{}.self_attn.qkv_proj.weight",
     .fused = Fused::qkv},
    {.role = WeightRole::v,
     .name = "model.layers.{}.self_attn.qkv_proj.weight",
     .fused = Fused::qkv},
    {WeightRole::o, "model.layers.{}.self_attn.o_proj.weight"},
    {.role = WeightRole::gate,
     .name = "model.layers.{}.mlp.gate_up_proj.weight",
     .fused = Fused::gate_up},
    {.role = WeightRole::up,
     .name = "model.layers.{}.mlp.gate_up_proj.weight",
     .fused = Fused::gate_up},
}};
constexpr std::array<Binding, 1> kDown{{
    {WeightRole::down, "model.layers.{}.mlp.down_proj.weight"},
}};

constexpr auto kBindings =
    llama_names::join(llama_names::kTokens, llama_names::kNorms, kFused, kDown, llama_names::kHead);

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(const int window, read_window(config, 0));
  slide_everywhere(window, spec);
  return {};
}

constexpr ArchSpec kArch = {
    .name = "phi3",
    .differs =
        "Phi-3, Phi-3.5 and Phi-4 (mini too): LLaMA with q, k and v behind one another in "
        "one matrix, gate and up in another; a window in every layer where one is given; "
        "contexts beyond the first by longrope (the first files call it su or yarn), whose "
        "original context stands beside rope_scaling. Phi-4-mini rotates three quarters of "
        "each head and ties its head.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {},
    .ints = kInts,
    .bools = {},
    .eps_keys = {"rms_norm_eps"},
    .eps_fallback = 1e-5F,
    .act_keys = {"hidden_act"},
    .act_fallback = "silu",
    .tied_fallback = false,
    .bindings = kBindings,
    .prefixes = llama_names::kPrefixes,
    .ignored = llama_names::kIgnored,
    .rope = {.is_partial = true, .yarn_is_longrope = true},
    .adjust = adjust,
};

}  // namespace

const ArchSpec& phi3_arch() { return kArch; }

}  // namespace tepui
