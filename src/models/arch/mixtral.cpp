// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/arch/llama_names.h"
#include "models/arch/windows.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"mixtral"};
constexpr std::string_view kClasses[] = {"MixtralForCausalLM", "MixtralModel"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size"}},
    {&Dims::hidden, {"intermediate_size"}},
    {&Dims::layers, {"num_hidden_layers"}},
    {&Dims::heads, {"num_attention_heads"}},
    {&Dims::kv_heads, {"num_key_value_heads"}, 0},
    {&Dims::head_dim, {"head_dim"}, 0},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_position_embeddings"}, 131072},
    {&Dims::experts, {"num_local_experts", "num_experts"}, 8},
    {&Dims::experts_chosen, {"num_experts_per_tok"}, 2},
};

constexpr std::array<Binding, 4> kExperts{{
    {WeightRole::router, "model.layers.{}.block_sparse_moe.gate.weight"},
    {WeightRole::expert_gate, "model.layers.{}.block_sparse_moe.experts.{}.w1.weight"},
    {WeightRole::expert_up, "model.layers.{}.block_sparse_moe.experts.{}.w3.weight"},
    {WeightRole::expert_down, "model.layers.{}.block_sparse_moe.experts.{}.w2.weight"},
}};

constexpr auto kBindings = llama_names::join(llama_names::kTokens, llama_names::kNorms,
                                             llama_names::kAttention, kExperts, llama_names::kHead);

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  if (spec.dims.experts_chosen > spec.dims.experts || spec.dims.experts_chosen > TEPUI_MOST_CHOSEN)
    return tl::unexpected(config.fault(
        ErrorKind::data, "num_experts_per_tok",
        fmt::format("at most {} of {} experts", TEPUI_MOST_CHOSEN, spec.dims.experts)));
  TEPUI_TRY(const int window, read_window(config, 0));
  slide_everywhere(window, spec);
  return {};
}

constexpr ArchSpec kArch = {
    .name = "mixtral",
    .differs =
        "Mixtral: Mistral with a mixture of experts for its MLP. A router gives each token "
        "one logit for each expert; the two largest take part, weighted by the softmax of "
        "their logits (which is the softmax over all experts, renormalised). mlp_pre, "
        "mlp_pre_linear and mlp_act hold the chosen experts beside each other, the one with "
        "the largest logit first.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.mlp = MlpKind::experts},
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
    .rope = {.theta = 1e6},
    .adjust = adjust,
};

}  // namespace

const ArchSpec& mixtral_arch() { return kArch; }

}  // namespace tepui
