// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"phi-msft"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"n_embd"}},
    {&Dims::hidden, {"n_inner"}, 0},
    {&Dims::layers, {"n_layer"}},
    {&Dims::heads, {"n_head"}},
    {&Dims::kv_heads, {"n_head_kv"}, 0},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"n_positions"}, 2048},
};

constexpr Binding fused(WeightRole role, std::string_view name) {
  return {.role = role, .name = name, .fused = Fused::qkv};
}

constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "transformer.embd.wte.weight"},
    {WeightRole::attn_norm, "transformer.h.{}.ln.weight"},
    {WeightRole::attn_norm_bias, "transformer.h.{}.ln.bias"},
    fused(WeightRole::q, "transformer.h.{}.mixer.Wqkv.weight"),
    fused(WeightRole::q_bias, "transformer.h.{}.mixer.Wqkv.bias"),
    fused(WeightRole::k, "transformer.h.{}.mixer.Wqkv.weight"),
    fused(WeightRole::k_bias, "transformer.h.{}.mixer.Wqkv.bias"),
    fused(WeightRole::v, "transformer.h.{}.mixer.Wqkv.weight"),
    fused(WeightRole::v_bias, "transformer.h.{}.mixer.Wqkv.bias"),
    {WeightRole::o, "transformer.h.{}.mixer.out_proj.weight"},
    {WeightRole::o_bias, "transformer.h.{}.mixer.out_proj.bias"},
    {WeightRole::up, "transformer.h.{}.mlp.fc1.weight"},
    {WeightRole::up_bias, "transformer.h.{}.mlp.fc1.bias"},
    {WeightRole::down, "transformer.h.{}.mlp.fc2.weight"},
    {WeightRole::down_bias, "transformer.h.{}.mlp.fc2.bias"},
    {WeightRole::final_norm, "lm_head.ln.weight"},
    {WeightRole::final_norm_bias, "lm_head.ln.bias"},
    {WeightRole::head, "lm_head.linear.weight", Need::untied},
    {WeightRole::head_bias, "lm_head.linear.bias"},
};

constexpr std::string_view kPrefixes[] = {""};
constexpr std::string_view kIgnored[] = {"rotary_emb.inv_freq"};

// rotary_dim counts channels, at most a head's. Tables have a multiple of rows.
Status adjust(const ConfigReader& config, ModelSpec& spec) {
  Dims& dims = spec.dims;
  TEPUI_TRY(const int rotary, config.size("rotary_dim", 32));
  dims.rope.rotary_dim = rotary < dims.head_dim ? rotary : dims.head_dim;
  dims.local_rope = dims.rope;
  TEPUI_TRY(const int multiple, config.size("pad_vocab_size_multiple", 64, 1 << 16));
  dims.vocabulary = (dims.vocabulary + multiple - 1) / multiple * multiple;
  return {};
}

constexpr ArchSpec kArch = {
    .name = "phi-msft",
    .differs =
        "Phi-2 as first published, and files of Phi-1 and Phi-1.5 of that time: the model of "
        "architecture phi under other names, q, k and v in one matrix, rotary_dim in channels, "
        "the last norm counted to the head.",
    .model_types = kModelTypes,
    .classes = {},
    .form = {.norm = NormKind::layer,
             .mlp = MlpKind::plain,
             .block = BlockKind::parallel,
             .shared_norm = true},
    .ints = kInts,
    .bools = {},
    .eps_keys = {"layer_norm_epsilon"},
    .eps_fallback = 1e-5F,
    .act_keys = {"activation_function"},
    .act_fallback = "gelu_new",
    .tied_fallback = false,
    .bindings = kBindings,
    .prefixes = kPrefixes,
    .ignored = kIgnored,
    .rope = {.is_partial = true},
    .adjust = adjust,
};

}  // namespace

const ArchSpec& phi_msft_arch() { return kArch; }

}  // namespace tepui
