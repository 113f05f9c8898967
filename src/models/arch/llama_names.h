// SPDX-License-Identifier: MIT
// Where the weights stand in the many families whose files have LLaMA's names. A row joins the
// parts that it has.
#pragma once

#include <array>

#include "models/spec.h"

namespace tepui::llama_names {

template <std::size_t... kSizes>
constexpr auto join(const std::array<Binding, kSizes>&... parts) {
  std::array<Binding, (kSizes + ...)> all{};
  std::size_t at = 0;
  const auto append = [&](const auto& part) {
    for (const Binding& binding : part) all[at++] = binding;
  };
  (append(parts), ...);
  return all;
}

inline constexpr std::array<Binding, 1> kTokens{{
    {WeightRole::token_embedding, "model.embed_tokens.weight"},
}};

inline constexpr std::array<Binding, 4> kAttention{{
    {WeightRole::q, "model.layers.{}.self_attn.q_proj.weight"},
    {WeightRole::k, "model.layers.{}.self_attn.k_proj.weight"},
    {WeightRole::v, "model.layers.{}.self_attn.v_proj.weight"},
    {WeightRole::o, "model.layers.{}.self_attn.o_proj.weight"},
}};

constexpr std::array<Binding, 3> qkv_biases(Need need) {
  return {{
      {WeightRole::q_bias, "model.layers.{}.self_attn.q_proj.bias", need},
      {WeightRole::k_bias, "model.layers.{}.self_attn.k_proj.bias", need},
      {WeightRole::v_bias, "model.layers.{}.self_attn.v_proj.bias", need},
  }};
}

// Where the configuration says attention_bias.
inline constexpr std::array<Binding, 4> kAttentionBiases = join(
    qkv_biases(Need::attention_bias),
    std::array<Binding, 1>{
        {{WeightRole::o_bias, "model.layers.{}.self_attn.o_proj.bias", Need::attention_bias}}});

inline constexpr std::array<Binding, 2> kQkNorms{{
    {WeightRole::q_norm, "model.layers.{}.self_attn.q_norm.weight"},
    {WeightRole::k_norm, "model.layers.{}.self_attn.k_norm.weight"},
}};

// The norms before attention and MLP.
inline constexpr std::array<Binding, 2> kNorms{{
    {WeightRole::attn_norm, "model.layers.{}.input_layernorm.weight"},
    {WeightRole::mlp_norm, "model.layers.{}.post_attention_layernorm.weight"},
}};

inline constexpr std::array<Binding, 3> kGatedMlp{{
    {WeightRole::gate, "model.layers.{}.mlp.gate_proj.weight"},
    {WeightRole::up, "model.layers.{}.mlp.up_proj.weight"},
    {WeightRole::down, "model.layers.{}.mlp.down_proj.weight"},
}};

inline constexpr std::array<Binding, 2> kHead{{
    {WeightRole::final_norm, "model.norm.weight"},
    {WeightRole::head, "lm_head.weight", Need::untied},
}};

inline constexpr std::string_view kPrefixes[] = {""};
inline constexpr std::string_view kIgnored[] = {"rotary_emb.inv_freq"};

}  // namespace tepui::llama_names
