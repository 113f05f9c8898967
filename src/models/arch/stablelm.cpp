// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/arch/llama_names.h"
#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"stablelm", "stablelm_epoch"};
constexpr std::string_view kClasses[] = {"StableLmForCausalLM", "StableLMEpochForCausalLM",
                                         "StableLmModel"};

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

constexpr BoolKey kBools[] = {
    {&Dims::attention_bias, "use_qkv_bias", false},
};

bool norms_heads(const ModelSpec& spec) { return spec.form.qk_norm != QkNorm::none; }
bool has_second_norm(const ModelSpec& spec) { return !spec.form.shared_norm; }

constexpr std::array<Binding, 7> kNorms{{
    {WeightRole::attn_norm, "model.layers.{}.input_layernorm.weight"},
    {WeightRole::attn_norm_bias, "model.layers.{}.input_layernorm.bias"},
    {.role = WeightRole::mlp_norm,
     .name = "model.layers.{}.post_attention_layernorm.weight",
     .when = has_second_norm},
    {.role = WeightRole::mlp_norm_bias,
     .name = "model.layers.{}.post_attention_layernorm.bias",
     .when = has_second_norm},
    {.role = WeightRole::q_norm,
     .name = "model.layers.{}.self_attn.q_layernorm.norms.{}.weight",
     .when = norms_heads},
    {.role = WeightRole::k_norm,
     .name = "model.layers.{}.self_attn.k_layernorm.norms.{}.weight",
     .when = norms_heads},
    {WeightRole::final_norm_bias, "model.norm.bias"},
}};

constexpr auto kBindings = llama_names::join(llama_names::kTokens, kNorms, llama_names::kAttention,
                                             llama_names::qkv_biases(Need::attention_bias),
                                             llama_names::kGatedMlp, llama_names::kHead);

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(const bool norms, config.flag("qk_layernorm", false));
  TEPUI_TRY(const bool parallel, config.flag("use_parallel_residual", false));
  if (norms) spec.form.qk_norm = QkNorm::each_head;
  if (parallel) {
    spec.form.block = BlockKind::parallel;
    spec.form.shared_norm = true;
  }
  return {};
}

constexpr ArchSpec kArch = {
    .name = "stablelm",
    .differs =
        "StableLM: LLaMA with LayerNorms (with biases), rotary positions on a quarter of "
        "each head and, in some, biases on q, k and v. StableLM 2 12B runs attention and "
        "MLP in parallel behind one norm, and normalises every query and key head with a "
        "weight of its own.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.norm = NormKind::layer},
    .ints = kInts,
    .bools = kBools,
    .eps_keys = {"layer_norm_eps", "norm_eps"},
    .eps_fallback = 1e-5F,
    .act_keys = {"hidden_act"},
    .act_fallback = "silu",
    .tied_fallback = false,
    .bindings = kBindings,
    .prefixes = llama_names::kPrefixes,
    .ignored = llama_names::kIgnored,
    .rope = {.is_partial = true, .part = 0.25, .part_key = "rope_pct"},
    .adjust = adjust,
};

}  // namespace

const ArchSpec& stablelm_arch() { return kArch; }

}  // namespace tepui
