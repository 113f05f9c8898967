// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/arch/llama_names.h"
#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"cohere"};
constexpr std::string_view kClasses[] = {"CohereForCausalLM", "CohereModel"};

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

bool norms_heads(const ModelSpec& spec) { return spec.form.qk_norm != QkNorm::none; }

constexpr std::array<Binding, 3> kNorms{{
    {WeightRole::attn_norm, "model.layers.{}.input_layernorm.weight"},
    {.role = WeightRole::q_norm,
     .name = "model.layers.{}.self_attn.q_norm.weight",
     .when = norms_heads},
    {.role = WeightRole::k_norm,
     .name = "model.layers.{}.self_attn.k_norm.weight",
     .when = norms_heads},
}};

constexpr auto kBindings =
    llama_names::join(llama_names::kTokens, kNorms, llama_names::kAttention,
                      llama_names::kAttentionBiases, llama_names::kGatedMlp, llama_names::kHead);

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(const double scale, config.number("logit_scale", 0.0625));
  spec.dims.logit_scale = static_cast<float>(scale);
  TEPUI_TRY(const bool norms, config.flag("use_qk_norm", false));
  if (norms) spec.form.qk_norm = QkNorm::each_head;
  return {};
}

constexpr ArchSpec kArch = {
    .name = "cohere",
    .differs =
        "Cohere (Command R): attention and a gated MLP in parallel behind one LayerNorm "
        "without bias, rotary positions in interleaved pairs (2i, 2i + 1), logits "
        "multiplied by logit_scale, tied head. Command R+ normalises every query and key "
        "head with a weight of its own.",
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
    .rope = {.theta = 5e5, .interleaved = true},
    .adjust = adjust,
};

}  // namespace

const ArchSpec& cohere_arch() { return kArch; }

}  // namespace tepui
