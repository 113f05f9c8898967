// SPDX-License-Identifier: MIT
#include "models/arch/list.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"gpt2"};
constexpr std::string_view kClasses[] = {"GPT2LMHeadModel", "GPT2Model"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"n_embd", "hidden_size"}},
    {&Dims::hidden, {"n_inner"}, 0},
    {&Dims::layers, {"n_layer", "num_hidden_layers"}},
    {&Dims::heads, {"n_head", "num_attention_heads"}},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"n_positions", "n_ctx", "max_position_embeddings"}},
};

constexpr BoolKey kBools[] = {
    {&Dims::scale_scores, "scale_attn_weights", true},
    {&Dims::scale_by_inverse_layer, "scale_attn_by_inverse_layer_idx", false},
};

constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "wte.weight"},
    {WeightRole::position_embedding, "wpe.weight"},
    {WeightRole::attn_norm, "h.{}.ln_1.weight"},
    {WeightRole::attn_norm_bias, "h.{}.ln_1.bias"},
    {WeightRole::q, "h.{}.attn.c_attn.weight", Need::required, Layout::transposed, 0, 3},
    {WeightRole::q_bias, "h.{}.attn.c_attn.bias", Need::required, Layout::as_is, 0, 3},
    {WeightRole::k, "h.{}.attn.c_attn.weight", Need::required, Layout::transposed, 1, 3},
    {WeightRole::k_bias, "h.{}.attn.c_attn.bias", Need::required, Layout::as_is, 1, 3},
    {WeightRole::v, "h.{}.attn.c_attn.weight", Need::required, Layout::transposed, 2, 3},
    {WeightRole::v_bias, "h.{}.attn.c_attn.bias", Need::required, Layout::as_is, 2, 3},
    {WeightRole::o, "h.{}.attn.c_proj.weight", Need::required, Layout::transposed},
    {WeightRole::o_bias, "h.{}.attn.c_proj.bias"},
    {WeightRole::mlp_norm, "h.{}.ln_2.weight"},
    {WeightRole::mlp_norm_bias, "h.{}.ln_2.bias"},
    {WeightRole::up, "h.{}.mlp.c_fc.weight", Need::required, Layout::transposed},
    {WeightRole::up_bias, "h.{}.mlp.c_fc.bias"},
    {WeightRole::down, "h.{}.mlp.c_proj.weight", Need::required, Layout::transposed},
    {WeightRole::down_bias, "h.{}.mlp.c_proj.bias"},
    {WeightRole::final_norm, "ln_f.weight"},
    {WeightRole::final_norm_bias, "ln_f.bias"},
    {WeightRole::head, "lm_head.weight", Need::untied},
};

constexpr std::string_view kPrefixes[] = {"", "transformer."};
constexpr std::string_view kIgnored[] = {".attn.bias", ".attn.masked_bias"};

constexpr ArchSpec kGpt2 = {
    .name = "gpt2",
    .differs =
        "GPT-2: LayerNorm with biases, learned positions added to the token embedding, a plain MLP "
        "with GELU "
        "(gelu_new is the tanh form, gelu the exact one), q, k and v in thirds of one matrix, "
        "matrices "
        "stored [in, out] (Conv1D), biases everywhere, tied head.",
    .model_types = kModelTypes,
    .classes = kClasses,
    .form = {.norm = NormKind::layer, .positions = PositionKind::learned, .mlp = MlpKind::plain},
    .ints = kInts,
    .bools = kBools,
    .eps_keys = {"layer_norm_epsilon"},
    .eps_fallback = 1e-5F,
    .act_keys = {"activation_function"},
    .act_fallback = "gelu_new",
    .tied_fallback = true,
    .bindings = kBindings,
    .prefixes = kPrefixes,
    .ignored = kIgnored,
};

}  // namespace

const ArchSpec& gpt2_arch() { return kGpt2; }

}  // namespace tepui
