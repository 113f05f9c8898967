// SPDX-License-Identifier: MIT
#include "models/arch/list.h"

#include <cmath>

#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"mpt"};
constexpr std::string_view kClasses[] = {"MPTForCausalLM", "MptForCausalLM", "MptModel"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"d_model", "hidden_size"}},
    {&Dims::layers, {"n_layers", "num_hidden_layers"}},
    {&Dims::heads, {"n_heads", "num_attention_heads"}},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"max_seq_len"}, 2048},
};

constexpr Binding fused(WeightRole role) {
  return {.role = role, .name = "blocks.{}.attn.Wqkv.weight", .fused = Fused::qkv};
}

constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "wte.weight"},
    {WeightRole::attn_norm, "blocks.{}.norm_1.weight"},
    fused(WeightRole::q),
    fused(WeightRole::k),
    fused(WeightRole::v),
    {WeightRole::o, "blocks.{}.attn.out_proj.weight"},
    {WeightRole::mlp_norm, "blocks.{}.norm_2.weight"},
    {WeightRole::up, "blocks.{}.ffn.up_proj.weight"},
    {WeightRole::down, "blocks.{}.ffn.down_proj.weight"},
    {WeightRole::final_norm, "norm_f.weight"},
    {WeightRole::head, "lm_head.weight", Need::untied},
};

constexpr std::string_view kPrefixes[] = {"transformer.", ""};

Status read_attention(const ConfigReader& config, Dims& dims) {
  TEPUI_TRY(config.must_be("alibi", true, true));
  TEPUI_TRY(config.must_be("qk_ln", false, false));
  TEPUI_TRY(config.must_be("prefix_lm", false, false));
  TEPUI_TRY(const std::string type, config.text("attn_type", "multihead_attention"));
  if (type != "multihead_attention")
    return tl::unexpected(
        config.fault(ErrorKind::unsupported, "attn_type", "\"multihead_attention\""));
  TEPUI_TRY(dims.alibi_max, config.number("alibi_bias_max", 8));
  TEPUI_TRY(const double clip, config.number("clip_qkv", 0));
  TEPUI_TRY(const double scale, config.number("softmax_scale", 0));
  dims.clip_qkv = static_cast<float>(clip);
  dims.score_scale = static_cast<float>(scale);
  return {};
}

Status adjust(const ConfigReader& config, ModelSpec& spec) {
  Dims& dims = spec.dims;
  TEPUI_TRY(config.must_be("no_bias", true, true));
  TEPUI_TRY(const auto attention, config.object("attn_config"));
  if (attention) TEPUI_TRY(read_attention(*attention, dims));
  TEPUI_TRY(const int ratio, config.size("expansion_ratio", 4, 64));
  dims.hidden = ratio * dims.width;
  // A number, or this word.
  if (const auto word = config.text("logit_scale", ""); word && *word == "inv_sqrt_d_model") {
    dims.logit_scale = static_cast<float>(1 / std::sqrt(static_cast<double>(dims.width)));
    return {};
  }
  TEPUI_TRY(const double scale, config.number("logit_scale", 1));
  dims.logit_scale = static_cast<float>(scale);
  return {};
}

constexpr ArchSpec kArch = {
    .name = "mpt",
    .differs =
        "MPT 7B and 30B: LayerNorm without biases, no positions but ALiBi (slopes scaled by "
        "alibi_bias_max), a plain MLP with exact GELU, q, k and v in thirds of one matrix "
        "and limited to -clip_qkv .. clip_qkv, no biases anywhere, tied head.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.norm = NormKind::layer, .positions = PositionKind::alibi, .mlp = MlpKind::plain},
    .ints = kInts,
    .bools = {},
    .eps_keys = {"layer_norm_epsilon"},
    .eps_fallback = 1e-5F,
    .act_keys = {},
    .act_fallback = "gelu",
    .tied_fallback = true,
    .bindings = kBindings,
    .prefixes = kPrefixes,
    .ignored = {},
    .adjust = adjust,
};

}  // namespace

const ArchSpec& mpt_arch() { return kArch; }

}  // namespace tepui
