// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"opt"};
constexpr std::string_view kClasses[] = {"OPTForCausalLM", "OPTModel"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"hidden_size"}},
    {&Dims::hidden, {"ffn_dim"}},
    {&Dims::layers, {"num_hidden_layers"}},
    {&Dims::heads, {"num_attention_heads"}},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_position_embeddings"}, 2048},
    {&Dims::embedding_width, {"word_embed_proj_dim"}, 0},
};

bool is_projected(const ModelSpec& spec) { return spec.dims.embedding_width != spec.dims.width; }
bool has_final_norm(const ModelSpec& spec) { return spec.form.final_norm; }

constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "decoder.embed_tokens.weight"},
    {WeightRole::position_embedding, "decoder.embed_positions.weight"},
    {.role = WeightRole::project_in, .name = "decoder.project_in.weight", .when = is_projected},
    {WeightRole::attn_norm, "decoder.layers.{}.self_attn_layer_norm.weight"},
    {WeightRole::attn_norm_bias, "decoder.layers.{}.self_attn_layer_norm.bias"},
    {WeightRole::q, "decoder.layers.{}.self_attn.q_proj.weight"},
    {WeightRole::q_bias, "decoder.layers.{}.self_attn.q_proj.bias", Need::attention_bias},
    {WeightRole::k, "decoder.layers.{}.self_attn.k_proj.weight"},
    {WeightRole::k_bias, "decoder.layers.{}.self_attn.k_proj.bias", Need::attention_bias},
    {WeightRole::v, "decoder.layers.{}.self_attn.v_proj.weight"},
    {WeightRole::v_bias, "decoder.layers.{}.self_attn.v_proj.bias", Need::attention_bias},
    {WeightRole::o, "decoder.layers.{}.self_attn.out_proj.weight"},
    {WeightRole::o_bias, "decoder.layers.{}.self_attn.out_proj.bias", Need::attention_bias},
    {WeightRole::mlp_norm, "decoder.layers.{}.final_layer_norm.weight"},
    {WeightRole::mlp_norm_bias, "decoder.layers.{}.final_layer_norm.bias"},
    {WeightRole::up, "decoder.layers.{}.fc1.weight"},
    {WeightRole::up_bias, "decoder.layers.{}.fc1.bias", Need::mlp_bias},
    {WeightRole::down, "decoder.layers.{}.fc2.weight"},
    {WeightRole::down_bias, "decoder.layers.{}.fc2.bias", Need::mlp_bias},
    {.role = WeightRole::final_norm,
     .name = "decoder.final_layer_norm.weight",
     .when = has_final_norm},
    {.role = WeightRole::final_norm_bias,
     .name = "decoder.final_layer_norm.bias",
     .when = has_final_norm},
    {.role = WeightRole::project_out, .name = "decoder.project_out.weight", .when = is_projected},
    {WeightRole::head, "lm_head.weight", Need::untied},
};

constexpr std::string_view kPrefixes[] = {"model.", ""};
constexpr std::string_view kIgnored[] = {".decoder.version"};

constexpr BoolKey kBools[] = {
    {&Dims::attention_bias, "enable_bias", true},
    {&Dims::mlp_bias, "enable_bias", true},
};

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  TEPUI_TRY(config.must_be("layer_norm_elementwise_affine", true, true));
  TEPUI_TRY(const bool before, config.flag("do_layer_norm_before", true));
  TEPUI_TRY(const bool removed, config.flag("_remove_final_layer_norm", false));
  spec.form.block = before ? BlockKind::sequential : BlockKind::norm_after;
  spec.form.final_norm = before && !removed;
  spec.dims.position_offset = 2;
  return {};
}

constexpr ArchSpec kArch = {
    .name = "opt",
    .differs =
        "OPT 125m to 66b: LayerNorm before attention and a plain ReLU MLP, learned "
        "positions whose table begins two rows late, biases, tied head. 350m is its own "
        "kind: a LayerNorm follows each addition, so that resid_mid and resid_post are its "
        "outputs and contributions do not add up to them; there is no final norm, and "
        "tables of 512 are projected to and from the width of 1024.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.norm = NormKind::layer, .positions = PositionKind::learned, .mlp = MlpKind::plain},
    .ints = kInts,
    .bools = kBools,
    .eps_keys = {},
    .eps_fallback = 1e-5F,
    .act_keys = {"activation_function"},
    .act_fallback = "relu",
    .tied_fallback = true,
    .bindings = kBindings,
    .prefixes = kPrefixes,
    .ignored = kIgnored,
    .adjust = adjust,
};

}  // namespace

const ArchSpec& opt_arch() { return kArch; }

}  // namespace tepui
