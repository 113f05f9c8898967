// SPDX-License-Identifier: MIT
#include "models/arch/list.h"
#include "models/config_reader.h"

namespace tepui {

namespace {

constexpr std::string_view kModelTypes[] = {"gptj"};
constexpr std::string_view kClasses[] = {"GPTJForCausalLM", "GPTJModel"};

constexpr IntKey kInts[] = {
    {&Dims::width, {"n_embd", "hidden_size"}},
    {&Dims::hidden, {"n_inner"}, 0},
    {&Dims::layers, {"n_layer", "num_hidden_layers"}},
    {&Dims::heads, {"n_head", "num_attention_heads"}},
    {&Dims::vocabulary, {"vocab_size"}},
    {&Dims::context, {"n_positions", "max_position_embeddings"}, 2048},
};

constexpr Binding kBindings[] = {
    {WeightRole::token_embedding, "wte.weight"},
    {WeightRole::attn_norm, "h.{}.ln_1.weight"},
    {WeightRole::attn_norm_bias, "h.{}.ln_1.bias"},
    {WeightRole::q, "h.{}.attn.q_proj.weight"},
    {WeightRole::k, "h.{}.attn.k_proj.weight"},
    {WeightRole::v, "h.{}.attn.v_proj.weight"},
    {WeightRole::o, "h.{}.attn.out_proj.weight"},
    {WeightRole::up, "h.{}.mlp.fc_in.weight"},
    {WeightRole::up_bias, "h.{}.mlp.fc_in.bias"},
    {WeightRole::down, "h.{}.mlp.fc_out.weight"},
    {WeightRole::down_bias, "h.{}.mlp.fc_out.bias"},
    {WeightRole::final_norm, "ln_f.weight"},
    {WeightRole::final_norm_bias, "ln_f.bias"},
    {WeightRole::head, "lm_head.weight", Need::untied},
    {WeightRole::head_bias, "lm_head.bias"},
};

constexpr std::string_view kPrefixes[] = {"transformer.", ""};
constexpr std::string_view kIgnored[] = {".attn.bias", ".attn.masked_bias"};

// rotary_dim counts channels; null means the whole head.
Status adjust(const ConfigReader& config, ModelSpec& spec) {
  Dims& dims = spec.dims;
  const int whole = config.is_null("rotary_dim") ? dims.head_dim : 64;
  TEPUI_TRY(dims.rope.rotary_dim, config.size("rotary_dim", whole));
  if (dims.rope.rotary_dim % 2 != 0 || dims.rope.rotary_dim > dims.head_dim)
    return tl::unexpected(
        config.fault(ErrorKind::data, "rotary_dim",
                     fmt::format("an even number of at most {}, the head size", dims.head_dim)));
  dims.local_rope = dims.rope;
  return {};
}

constexpr ArchSpec kArch = {
    .name = "gptj",
    .differs =
        "GPT-J: attention and a plain MLP in parallel behind one LayerNorm; rotary "
        "positions on the first rotary_dim channels of each head, in interleaved pairs (2i, "
        "2i + 1); no biases in attention, biases in the MLP and on the head.",
    .model_types = kModelTypes,
    .classes = kClasses,
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
    .rope = {.is_partial = true, .interleaved = true},
    .adjust = adjust,
};

}  // namespace

const ArchSpec& gptj_arch() { return kArch; }

}  // namespace tepui
