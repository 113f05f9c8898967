// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include "models/arch/list.h"
#include "models/config_reader.h"

namespace tepui {

namespace {

bool has_learned_positions(const ModelSpec& spec) {
  return spec.form.positions == PositionKind::learned;
}
bool has_final_norm(const ModelSpec& spec) { return spec.form.final_norm; }
bool is_dyt(const ModelSpec& spec) { return spec.form.norm == NormKind::dyt; }
bool has_final_dyt(const ModelSpec& spec) { return is_dyt(spec) && has_final_norm(spec); }
bool has_extra_key(const ModelSpec& spec) {
  return spec.form.extra == AttentionExtra::kv_bias || spec.form.extra == AttentionExtra::k_bias;
}
bool has_extra_value(const ModelSpec& spec) {
  return spec.form.extra == AttentionExtra::kv_bias || spec.form.extra == AttentionExtra::v_bias;
}
bool is_gated(const ModelSpec& spec) { return spec.form.gated_attention; }
bool has_gated_heads(const ModelSpec& spec) { return spec.form.gated_heads; }
bool has_embedding_factor(const ModelSpec& spec) { return spec.form.embedding_factor; }

Binding when(WeightRole role, std::string_view name, bool (*condition)(const ModelSpec&)) {
  Binding binding{role, name};
  binding.when = condition;
  return binding;
}

template <class Choice, std::size_t kCount>
Status choose(const ConfigReader& config, std::string_view key,
              const std::pair<std::string_view, Choice> (&choices)[kCount], Choice& to) {
  TEPUI_TRY(const std::string name, config.text(key, choices[0].first));
  std::string known;
  for (const auto& [choice, value] : choices) {
    if (choice == name) {
      to = value;
      return {};
    }
    known += (known.empty() ? "" : ", ") + std::string(choice);
  }
  return tl::unexpected<Error>(config.fault(ErrorKind::data, key, "one of " + known));
}

Status read_attention(const ConfigReader& config, ModelSpec& spec) {
  Form& form = spec.form;
  constexpr std::pair<std::string_view, AttentionExtra> kExtras[] = {
      {"none", AttentionExtra::none},
      {"kv_bias", AttentionExtra::kv_bias},
      {"k_bias", AttentionExtra::k_bias},
      {"off_by_one", AttentionExtra::off_by_one},
      {"v_bias", AttentionExtra::v_bias}};
  TEPUI_TRY(choose(config, "attention_extra", kExtras, form.extra));
  constexpr std::pair<std::string_view, bool> kWeights[] = {{"softmax", false}, {"sigmoid", true}};
  TEPUI_TRY(choose(config, "attention_weights", kWeights, form.sigmoid_attention));
  TEPUI_TRY(form.gated_attention, config.flag("attention_gate", false));
  TEPUI_TRY(form.gated_heads, config.flag("head_gate", false));
  if (form.gated_heads &&
      (form.gated_attention || spec.dims.heads * spec.dims.head_dim != spec.dims.width))
    return tl::unexpected<Error>(config.fault(
        ErrorKind::data, "head_gate", "heads that split the width, and no attention_gate beside"));
  TEPUI_TRY(const double clip, config.number("attention_clip", 0));
  TEPUI_TRY(const double shift, config.number("attention_shift", 0));
  const bool in_softmax =
      form.extra != AttentionExtra::none && form.extra != AttentionExtra::v_bias;
  if (clip != 0 && (form.sigmoid_attention || in_softmax))
    return tl::unexpected<Error>(config.fault(ErrorKind::data, "attention_clip",
                                              "a softmax of the sequence's keys alone to clip"));
  if (shift != 0 && !form.sigmoid_attention)
    return tl::unexpected<Error>(
        config.fault(ErrorKind::data, "attention_shift", "sigmoid attention"));
  spec.dims.score_gamma = static_cast<float>(-clip - shift);
  return {};
}

Status read_variant(const ConfigReader& config, ModelSpec& spec) {
  Form& form = spec.form;
  const std::pair<std::string_view, NormKind> norms[] = {{"usual", form.norm},
                                                         {"dyt", NormKind::dyt}};
  TEPUI_TRY(choose(config, "norm", norms, form.norm));
  const std::pair<std::string_view, PositionKind> positions[] = {{"usual", form.positions},
                                                                 {"none", PositionKind::none}};
  TEPUI_TRY(choose(config, "positions", positions, form.positions));
  constexpr std::pair<std::string_view, BlockKind> kBlocks[] = {{"before", BlockKind::sequential},
                                                                {"behind", BlockKind::norm_after}};
  TEPUI_TRY(choose(config, "norm_place", kBlocks, form.block));
  form.final_norm = form.block == BlockKind::sequential;
  TEPUI_TRY(read_attention(config, spec));
  TEPUI_TRY(const double scale, config.number("embedding_scale", 1));
  spec.dims.embedding_scale = static_cast<float>(scale);
  TEPUI_TRY(form.embedding_factor, config.flag("embedding_factor", false));
  TEPUI_TRY(const int window, config.size("sliding_window", 0));
  TEPUI_TRY(spec.dims.prefix, config.size("attention_prefix", 0));
  if (window != 0 && spec.dims.prefix != 0)
    return tl::unexpected<Error>(
        config.fault(ErrorKind::data, "attention_prefix", "no sliding_window beside it"));
  if (window != 0)
    spec.layers.assign(static_cast<std::size_t>(spec.dims.layers), {.window = window});
  return {};
}

// What a variant of a row may have beside it.
struct VariantNames {
  std::string_view attn_alpha;
  std::string_view mlp_alpha;
  std::string_view final_alpha;
  std::string_view extra_key;
  std::string_view extra_value;
  std::string_view gate;
  std::string_view gate_offset;
  std::string_view head_gate;
  std::string_view head_gate_offset;
  std::string_view embedding_factor;
};

std::vector<Binding> variant_bindings(const ArchSpec& base, const VariantNames& names) {
  std::vector<Binding> bindings(base.bindings.begin(), base.bindings.end());
  for (Binding& binding : bindings) {
    if (binding.role == WeightRole::position_embedding) binding.when = has_learned_positions;
    const bool is_final =
        binding.role == WeightRole::final_norm || binding.role == WeightRole::final_norm_bias;
    if (is_final) binding.when = has_final_norm;
  }
  bindings.insert(
      bindings.end(),
      {when(WeightRole::attn_norm_alpha, names.attn_alpha, is_dyt),
       when(WeightRole::mlp_norm_alpha, names.mlp_alpha, is_dyt),
       when(WeightRole::final_norm_alpha, names.final_alpha, has_final_dyt),
       when(WeightRole::extra_key, names.extra_key, has_extra_key),
       when(WeightRole::extra_value, names.extra_value, has_extra_value),
       when(WeightRole::attn_gate, names.gate, is_gated),
       when(WeightRole::attn_gate_offset, names.gate_offset, is_gated),
       when(WeightRole::head_gate, names.head_gate, has_gated_heads),
       when(WeightRole::head_gate_offset, names.head_gate_offset, has_gated_heads),
       when(WeightRole::embedding_factor, names.embedding_factor, has_embedding_factor)});
  return bindings;
}

ArchSpec variant_of(const ArchSpec& base, std::string_view name, std::string_view differs,
                    std::span<const std::string_view> types, std::span<const Binding> bindings) {
  ArchSpec arch = base;
  arch.name = name;
  arch.differs = differs;
  arch.model_types = types;
  arch.classes = {};
  arch.bindings = bindings;
  arch.adjust = read_variant;
  return arch;
}

constexpr std::string_view kGpt2Types[] = {"tepui_gpt2"};
constexpr std::string_view kLlamaTypes[] = {"tepui_llama"};

}  // namespace

const ArchSpec& tepui_gpt2_arch() {
  static const std::vector<Binding> bindings = variant_bindings(
      gpt2_arch(), {"h.{}.ln_1.alpha", "h.{}.ln_2.alpha", "ln_f.alpha", "h.{}.attn.extra_key",
                    "h.{}.attn.extra_value", "h.{}.attn.gate.weight", "h.{}.attn.gate.offset",
                    "h.{}.attn.head_gate.weight", "h.{}.attn.head_gate.offset", "wte.factor"});
  static const ArchSpec arch = variant_of(
      gpt2_arch(), "tepui_gpt2",
      "GPT-2 with one thing changed, as `tepui train` makes it: a key and a value that every query "
      "sees (attention_extra: kv_bias, k_bias, v_bias, off_by_one), sigmoids for the softmax "
      "(attention_weights), a clipped softmax (attention_clip), gated channels (attention_gate) or "
      "heads (head_gate), a window (sliding_window), a prefix mask (attention_prefix), DyT for "
      "norms (norm), embeddings times a weight (embedding_factor), norms behind the sums "
      "(norm_place), no positions.",
      kGpt2Types, bindings);
  return arch;
}

const ArchSpec& tepui_llama_arch() {
  static const std::vector<Binding> bindings = variant_bindings(
      llama_arch(),
      {"model.layers.{}.input_layernorm.alpha", "model.layers.{}.post_attention_layernorm.alpha",
       "model.norm.alpha", "model.layers.{}.self_attn.extra_key",
       "model.layers.{}.self_attn.extra_value", "model.layers.{}.self_attn.gate.weight",
       "model.layers.{}.self_attn.gate.offset", "model.layers.{}.self_attn.head_gate.weight",
       "model.layers.{}.self_attn.head_gate.offset", "model.embed_tokens.factor"});
  static const ArchSpec arch =
      variant_of(llama_arch(), "tepui_llama",
                 "LLaMA with one thing changed, as `tepui train` makes it, by the same keys as "
                 "tepui_gpt2.",
                 kLlamaTypes, bindings);
  return arch;
}

}  // namespace tepui
