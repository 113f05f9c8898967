// SPDX-License-Identifier: MIT
#include "models/arch/list.h"

namespace tepui {

namespace {

// nn.Linear keeps [out, in], unlike GPT-2's own files; biases, those of norms too, may be missing.
constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "transformer.wte.weight"},
    {WeightRole::position_embedding, "transformer.wpe.weight"},
    {WeightRole::attn_norm, "transformer.h.{}.ln_1.weight"},
    {WeightRole::attn_norm_bias, "transformer.h.{}.ln_1.bias", Need::attention_bias},
    {WeightRole::q, "transformer.h.{}.attn.c_attn.weight", Need::required, Layout::as_is, 0, 3},
    {WeightRole::q_bias, "transformer.h.{}.attn.c_attn.bias", Need::attention_bias, Layout::as_is,
     0, 3},
    {WeightRole::k, "transformer.h.{}.attn.c_attn.weight", Need::required, Layout::as_is, 1, 3},
    {WeightRole::k_bias, "transformer.h.{}.attn.c_attn.bias", Need::attention_bias, Layout::as_is,
     1, 3},
    {WeightRole::v, "transformer.h.{}.attn.c_attn.weight", Need::required, Layout::as_is, 2, 3},
    {WeightRole::v_bias, "transformer.h.{}.attn.c_attn.bias", Need::attention_bias, Layout::as_is,
     2, 3},
    {WeightRole::o, "transformer.h.{}.attn.c_proj.weight"},
    {WeightRole::o_bias, "transformer.h.{}.attn.c_proj.bias", Need::attention_bias},
    {WeightRole::mlp_norm, "transformer.h.{}.ln_2.weight"},
    {WeightRole::mlp_norm_bias, "transformer.h.{}.ln_2.bias", Need::mlp_bias},
    {WeightRole::up, "transformer.h.{}.mlp.c_fc.weight"},
    {WeightRole::up_bias, "transformer.h.{}.mlp.c_fc.bias", Need::mlp_bias},
    {WeightRole::down, "transformer.h.{}.mlp.c_proj.weight"},
    {WeightRole::down_bias, "transformer.h.{}.mlp.c_proj.bias", Need::mlp_bias},
    {WeightRole::final_norm, "transformer.ln_f.weight"},
    {WeightRole::final_norm_bias, "transformer.ln_f.bias", Need::mlp_bias},
    {WeightRole::head, "lm_head.weight", Need::untied},
};

constexpr std::string_view kPrefixes[] = {""};
constexpr std::string_view kIgnored[] = {".attn.bias"};

constexpr ArchSpec kArch = {
    .name = "nanogpt",
    .differs =
        "nanoGPT: GPT-2 with exact GELU, matrices stored [out, in], biases (of linear layers "
        "and norms) all there or all missing, and sizes in the checkpoint itself.",
    .model_types = {},
    .classes = {},
    .form = {.norm = NormKind::layer, .positions = PositionKind::learned, .mlp = MlpKind::plain},
    .ints = {},
    .bools = {},
    .eps_keys = {},
    .eps_fallback = 1e-5F,
    .act_keys = {},
    .act_fallback = "gelu",
    .tied_fallback = true,
    .bindings = kBindings,
    .prefixes = kPrefixes,
    .ignored = kIgnored,
};

}  // namespace

const ArchSpec& nanogpt_arch() { return kArch; }

}  // namespace tepui
