// SPDX-License-Identifier: MIT
#include "models/gguf/arch.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/gguf/keys.h"
#include "models/gguf/names.h"

namespace tepui {
namespace {

using nlohmann::json;

constexpr GgufKey kWindow[] = {{"attention.sliding_window", "sliding_window"}};

// Of Falcon's fused matrices the groups are the key heads; 40B has two norms, and "attn_norm" is
// the second.
constexpr std::string_view kSecondNorm = "blk.0.attn_norm_2.weight";
constexpr GgufName kFalconNames[] = {
    {WeightRole::attn_norm, "blk.{}.attn_norm_2.weight", kSecondNorm},
    {WeightRole::attn_norm_bias, "blk.{}.attn_norm_2.bias", kSecondNorm},
    {WeightRole::mlp_norm, "blk.{}.attn_norm.weight", kSecondNorm},
    {WeightRole::mlp_norm_bias, "blk.{}.attn_norm.bias", kSecondNorm},
};
Status falcon(const GgufKeys& keys, json& config) {
  TEPUI_TRY(const auto heads, keys.size("attention.head_count_kv"));
  const bool several = heads.value_or(1) > 1;
  config["new_decoder_architecture"] = several;
  config["multi_query"] = !several;
  config["num_ln_in_parallel_attn"] = keys.tensor(kSecondNorm) != nullptr ? 2 : 1;
  return {};
}

Status gpt_neox(const GgufKeys& keys, json& config) {
  TEPUI_TRY(const auto parallel, keys.metadata().boolean(keys.full("use_parallel_residual")));
  if (parallel) config["use_parallel_residual"] = *parallel;
  return {};
}

// A bias of 0 means learned positions.
constexpr GgufKey kMptKeys[] = {{"attention.clamp_kqv", "/attn_config/clip_qkv"},
                                {"attention.max_alibi_bias", "/attn_config/alibi_bias_max"}};
Status mpt(const GgufKeys& keys, json& config) {
  TEPUI_TRY(const auto bias, keys.number("attention.max_alibi_bias"));
  TEPUI_TRY(const auto key_heads, keys.size("attention.head_count_kv"));
  json& attention = config["attn_config"];
  attention["alibi"] = bias.has_value();
  attention["qk_ln"] = keys.tensor("blk.0.attn_q_norm.weight") != nullptr;
  if (key_heads) {
    attention["attn_type"] = "grouped_query_attention";
    attention["kv_n_heads"] = *key_heads;
  }
  config["attention_bias"] = keys.tensor("blk.0.attn_qkv.bias") != nullptr;
  config["no_bias"] = keys.tensor("blk.0.ffn_up.bias") == nullptr;
  TEPUI_TRY(const auto hidden, keys.size("feed_forward_length"));
  if (hidden) config["ffn_config"]["ffn_hidden_size"] = *hidden;
  return {};
}

// longrope's factors are tensors; the magnitude is given, or follows from the contexts.
Status phi3(const GgufKeys& keys, json& config) {
  TEPUI_TRY(const auto magnitude, keys.number("rope.scaling.attn_factor"));
  TEPUI_TRY(const auto original, keys.size("rope.scaling.original_context_length"));
  TEPUI_TRY(const auto short_factors, keys.factors("rope_factors_short.weight"));
  TEPUI_TRY(const auto long_factors, keys.factors("rope_factors_long.weight"));
  if (short_factors.empty() && long_factors.empty()) return {};
  json scaling = {
      {"rope_type", "longrope"}, {"short_factor", short_factors}, {"long_factor", long_factors}};
  if (original) {
    config["original_max_position_embeddings"] = *original;
    TEPUI_TRY(const auto context, keys.size("context_length"));
    const double factor = static_cast<double>(context.value_or(*original)) / *original;
    const double own = factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(*original));
    // The file's is rounded to f32.
    if (magnitude && std::abs(*magnitude / own - 1) > 1e-6)
      scaling["attention_factor"] = *magnitude;
  }
  config["rope_scaling"] = std::move(scaling);
  return {};
}

// The scale of scores, which files do not hold: by the head size, but by width / heads in the
// largest model, which llama.cpp too knows by its number of layers.
Status scale_of_scores(const GgufKeys& keys, int largest, json& config) {
  TEPUI_TRY(const auto layers, keys.size("block_count"));
  TEPUI_TRY(const auto head_dim, keys.size("attention.key_length"));
  TEPUI_TRY(const auto width, keys.size("embedding_length"));
  TEPUI_TRY(const auto heads, keys.size("attention.head_count"));
  if (layers == largest && width && heads)
    config["query_pre_attn_scalar"] = *width / *heads;
  else if (head_dim)
    config["query_pre_attn_scalar"] = *head_dim;
  return {};
}
constexpr GgufKey kGemma2Keys[] = {{"attention.sliding_window", "sliding_window"},
                                   {"attn_logit_softcapping", "attn_logit_softcapping"},
                                   {"final_logit_softcapping", "final_logit_softcapping"}};
Status gemma2(const GgufKeys& keys, json& config) { return scale_of_scores(keys, 46, config); }
constexpr GgufKey kGemma3Keys[] = {{"attention.sliding_window", "sliding_window"},
                                   {"attention.sliding_window_pattern", "sliding_window_pattern"},
                                   {"final_logit_softcapping", "final_logit_softcapping"},
                                   {"rope.freq_base_swa", "rope_local_base_freq"}};
Status gemma3(const GgufKeys& keys, json& config) { return scale_of_scores(keys, 62, config); }

constexpr GgufKey kOlmoKeys[] = {{"attention.clamp_kqv", "clip_qkv"}};

constexpr GgufFlag kStableLmFlags[] = {{"qk_layernorm", "blk.0.attn_q_norm.weight"}};
// The converter's key says true where the configuration says nothing, which means false; what tells
// is the second norm.
Status stablelm(const GgufKeys& keys, json& config) {
  (void)keys.full("use_parallel_residual");
  config["use_parallel_residual"] = keys.tensor("blk.0.ffn_norm.weight") == nullptr;
  return {};
}

constexpr GgufKey kCohereKeys[] = {{"logit_scale", "logit_scale"}};
constexpr GgufFlag kCohereFlags[] = {{"use_qk_norm", "blk.0.attn_q_norm.weight"}};
constexpr GgufKey kCohere2Keys[] = {{"logit_scale", "logit_scale"},
                                    {"attention.sliding_window", "sliding_window"},
                                    {"attention.sliding_window_pattern", "sliding_window_pattern"}};

constexpr GgufArch kArchitectures[] = {
    {.name = "llama",
     .model_type = "mixtral",
     .if_key = "expert_count",
     .rotary_pairs = true,
     .keys = kWindow},
    {.name = "llama",
     .model_type = "mistral",
     .if_key = "attention.sliding_window",
     .rotary_pairs = true,
     .keys = kWindow},
    {.name = "llama", .model_type = "llama", .rotary_pairs = true},
    {.name = "falcon", .model_type = "falcon", .names = kFalconNames, .adjust = falcon},
    {.name = "gpt2", .model_type = "gpt2"},
    {.name = "gptneox", .model_type = "gpt_neox", .adjust = gpt_neox},
    {.name = "mpt", .model_type = "mpt", .keys = kMptKeys, .adjust = mpt},
    {.name = "bloom", .model_type = "bloom"},
    {.name = "phi2", .model_type = "phi"},
    {.name = "phi3", .model_type = "phi3", .keys = kWindow, .adjust = phi3},
    {.name = "qwen2", .model_type = "qwen2"},
    {.name = "qwen3", .model_type = "qwen3"},
    {.name = "gemma", .model_type = "gemma"},
    {.name = "gemma2", .model_type = "gemma2", .keys = kGemma2Keys, .adjust = gemma2},
    {.name = "gemma3", .model_type = "gemma3_text", .keys = kGemma3Keys, .adjust = gemma3},
    {.name = "olmo", .model_type = "olmo", .rotary_pairs = true, .keys = kOlmoKeys},
    {.name = "olmo2", .model_type = "olmo2"},
    {.name = "stablelm", .model_type = "stablelm", .flags = kStableLmFlags, .adjust = stablelm},
    {.name = "command-r", .model_type = "cohere", .keys = kCohereKeys, .flags = kCohereFlags},
    {.name = "cohere2", .model_type = "cohere2", .keys = kCohere2Keys},
};

}  // namespace

std::span<const GgufArch> gguf_architectures() { return kArchitectures; }

}  // namespace tepui
