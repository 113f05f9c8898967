// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"falcon", "RefinedWeb", "RefinedWebModel"};
constexpr std::string_view kClasses[] = {"FalconForCausalLM", "RWForCausalLM", "FalconModel"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size", "n_embed"}},
    {&Dims::hidden, {"ffn_hidden_size"}, 0},
    {&Dims::layers, {"num_hidden_layers", "n_layer"}},
    {&Dims::heads, {"num_attention_heads", "n_head"}},
    {&Dims::kv_heads, {"num_kv_heads", "n_head_kv"}, 0},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_position_embeddings"}, 2048},
};

constexpr BoolKey kBools[] = {
    {&Dims::attention_bias, "bias", false},
    {&Dims::mlp_bias, "bias", false},
};

// Two norms in parallel have names of their own.
bool has_two_norms(const ModelSpec& spec) {
  return spec.form.block == BlockKind::parallel && !spec.form.shared_norm;
}
bool has_first_norm(const ModelSpec& spec) { return !has_two_norms(spec); }
bool has_second_norm(const ModelSpec& spec) { return spec.form.block == BlockKind::sequential; }

constexpr Binding norm(WeightRole role, std::string_view name, bool (*when)(const ModelSpec&)) {
  return {.role = role, .name = name, .when = when};
}

constexpr Binding fused(WeightRole role, bool bias) {
  return {.role = role,
          .name = bias ? "h.{}.self_attention.query_key_value.bias"
                       : "h.{}.self_attention.query_key_value.weight",
          .need = bias ? Need::attention_bias : Need::required,
          .fused = Fused::qkv_groups};
}

constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "word_embeddings.weight"},
    norm(WeightRole::attn_norm, "h.{}.input_layernorm.weight", has_first_norm),
    norm(WeightRole::attn_norm_bias, "h.{}.input_layernorm.bias", has_first_norm),
    norm(WeightRole::attn_norm, "h.{}.ln_attn.weight", has_two_norms),
    norm(WeightRole::attn_norm_bias, "h.{}.ln_attn.bias", has_two_norms),
    norm(WeightRole::mlp_norm, "h.{}.ln_mlp.weight", has_two_norms),
    norm(WeightRole::mlp_norm_bias, "h.{}.ln_mlp.bias", has_two_norms),
    norm(WeightRole::mlp_norm, "h.{}.post_attention_layernorm.weight", has_second_norm),
    norm(WeightRole::mlp_norm_bias, "h.{}.post_attention_layernorm.bias", has_second_norm),
    fused(WeightRole::q, false),
    fused(WeightRole::q_bias, true),
    fused(WeightRole::k, false),
    fused(WeightRole::k_bias, true),
    fused(WeightRole::v, false),
    fused(WeightRole::v_bias, true),
    {WeightRole::o, "h.{}.self_attention.dense.weight"},
    {WeightRole::o_bias, "h.{}.self_attention.dense.bias", Need::attention_bias},
    {WeightRole::up, "h.{}.mlp.dense_h_to_4h.weight"},
    {WeightRole::up_bias, "h.{}.mlp.dense_h_to_4h.bias", Need::mlp_bias},
    {WeightRole::down, "h.{}.mlp.dense_4h_to_h.weight"},
    {WeightRole::down_bias, "h.{}.mlp.dense_4h_to_h.bias", Need::mlp_bias},
    {WeightRole::final_norm, "ln_f.weight"},
    {WeightRole::final_norm_bias, "ln_f.bias"},
    {WeightRole::head, "lm_head.weight", Need::untied},
};

constexpr std::string_view kPrefixes[] = {"transformer.", ""};
constexpr std::string_view kIgnored[] = {".rotary.inv_freq", ".rotary_emb.inv_freq"};

// One matrix holds q, k and v in groups, one for each key head: that is one group under multi_query
// (whatever num_kv_heads says), one for each head in falcon-rw, several in the new architecture
// (whatever multi_query says).
Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(const bool is_new, config.flag("new_decoder_architecture", false));
  TEPUI_TRY(const bool multi_query, config.flag("multi_query", true));
  TEPUI_TRY(const bool parallel, config.flag("parallel_attn", true));
  TEPUI_TRY(const bool alibi, config.flag("alibi", false));
  TEPUI_TRY(const int norms, config.size("num_ln_in_parallel_attn", is_new ? 2 : 1, 2));
  if (!is_new) spec.dims.kv_heads = multi_query ? 1 : spec.dims.heads;
  if (is_new || parallel) {
    spec.form.block = BlockKind::parallel;
    spec.form.shared_norm = !(is_new && norms == 2);
  }
  if (alibi) {
    spec.form.positions = PositionKind::alibi;
    spec.dims.alibi_rounded = true;
  }
  return {};
}

constexpr ArchSpec kArch = {
    .name = "falcon",
    .differs =
        "Falcon: attention and a plain GELU MLP in parallel. 7B has one LayerNorm for both "
        "and a single key head; 40B and 180B a norm for each and a key head for each group "
        "of queries; 11B groups with one norm. falcon-rw is sequential, with a key head for "
        "each head, biases, and ALiBi, whose biases are rounded to bf16 and added before "
        "the scores are scaled. All tie the head.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.norm = NormKind::layer, .mlp = MlpKind::plain},
    .ints = kInts,
    .bools = kBools,
    .eps_keys = {"layer_norm_epsilon"},
    .eps_fallback = 1e-5F,
    .act_keys = {"activation"},
    .act_fallback = "gelu",
    .tied_fallback = true,
    .bindings = kBindings,
    .prefixes = kPrefixes,
    .ignored = kIgnored,
    .adjust = adjust,
};

}  // namespace

const ArchSpec& falcon_arch() { return kArch; }

}  // namespace tepui
