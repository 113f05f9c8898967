// SPDX-License-Identifier: MIT
#include "models/gguf/names.h"

#include <algorithm>
#include <iterator>

#include "models/gguf/arch.h"

namespace tepui {
namespace {

constexpr GgufName kNames[] = {
    {WeightRole::token_embedding, "token_embd.weight"},
    {WeightRole::position_embedding, "position_embd.weight"},
    {WeightRole::embedding_norm, "token_embd_norm.weight"},
    {WeightRole::embedding_norm_bias, "token_embd_norm.bias"},
    {WeightRole::attn_norm, "blk.{}.attn_norm.weight"},
    {WeightRole::attn_norm_bias, "blk.{}.attn_norm.bias"},
    {WeightRole::q, "blk.{}.attn_q.weight"},
    {WeightRole::q_bias, "blk.{}.attn_q.bias"},
    {WeightRole::q_norm, "blk.{}.attn_q_norm.weight"},
    {WeightRole::q_norm_bias, "blk.{}.attn_q_norm.bias"},
    {WeightRole::k, "blk.{}.attn_k.weight"},
    {WeightRole::k_bias, "blk.{}.attn_k.bias"},
    {WeightRole::k_norm, "blk.{}.attn_k_norm.weight"},
    {WeightRole::k_norm_bias, "blk.{}.attn_k_norm.bias"},
    {WeightRole::v, "blk.{}.attn_v.weight"},
    {WeightRole::v_bias, "blk.{}.attn_v.bias"},
    {WeightRole::o, "blk.{}.attn_output.weight"},
    {WeightRole::o_bias, "blk.{}.attn_output.bias"},
    {WeightRole::attn_norm_behind, "blk.{}.post_attention_norm.weight"},
    {WeightRole::mlp_norm, "blk.{}.ffn_norm.weight"},
    {WeightRole::mlp_norm_bias, "blk.{}.ffn_norm.bias"},
    {WeightRole::router, "blk.{}.ffn_gate_inp.weight"},
    // Slices of one tensor for all experts, see weights/gguf.h.
    {WeightRole::expert_gate, "blk.{}.ffn_gate_exps.weight[{}]"},
    {WeightRole::expert_up, "blk.{}.ffn_up_exps.weight[{}]"},
    {WeightRole::expert_down, "blk.{}.ffn_down_exps.weight[{}]"},
    {WeightRole::gate, "blk.{}.ffn_gate.weight"},
    {WeightRole::gate_bias, "blk.{}.ffn_gate.bias"},
    {WeightRole::up, "blk.{}.ffn_up.weight"},
    {WeightRole::up_bias, "blk.{}.ffn_up.bias"},
    {WeightRole::down, "blk.{}.ffn_down.weight"},
    {WeightRole::down_bias, "blk.{}.ffn_down.bias"},
    {WeightRole::mlp_norm_behind, "blk.{}.post_ffw_norm.weight"},
    {WeightRole::final_norm, "output_norm.weight"},
    {WeightRole::final_norm_bias, "output_norm.bias"},
    {WeightRole::head, "output.weight"},
    {WeightRole::head_bias, "output.bias"},
};

// What files of the first converters for mixtures have: a tensor for each expert.
constexpr GgufName kOldExperts[] = {
    {WeightRole::expert_gate, "blk.{}.ffn_gate.{}.weight", "blk.0.ffn_gate.0.weight"},
    {WeightRole::expert_up, "blk.{}.ffn_up.{}.weight", "blk.0.ffn_up.0.weight"},
    {WeightRole::expert_down, "blk.{}.ffn_down.{}.weight", "blk.0.ffn_down.0.weight"},
};

// Read with the configuration.
constexpr std::string_view kIgnored[] = {"rope_freqs.weight", "rope_factors_short.weight",
                                         "rope_factors_long.weight"};

std::string_view find(std::span<const GgufName> names, WeightRole role,
                      const WeightSource& source) {
  for (const GgufName& name : names) {
    if (name.role != role) continue;
    if (name.if_tensor.empty() || source.find(name.if_tensor) != nullptr) return name.name;
  }
  return {};
}

std::string_view name_of(WeightRole role, const GgufArch& gguf, const WeightSource& source) {
  for (const std::span<const GgufName> names : {gguf.names, std::span<const GgufName>(kOldExperts)})
    if (const std::string_view name = find(names, role, source); !name.empty()) return name;
  return gguf_name(role);
}

bool is_query_or_key(WeightRole role) {
  return role == WeightRole::q || role == WeightRole::q_bias || role == WeightRole::k ||
         role == WeightRole::k_bias;
}

// The tensor that holds q, k and v behind one another; empty for other roles.
std::string_view fused_name(WeightRole role) {
  switch (role) {
    case WeightRole::q:
    case WeightRole::k:
    case WeightRole::v: return "blk.{}.attn_qkv.weight";
    case WeightRole::q_bias:
    case WeightRole::k_bias:
    case WeightRole::v_bias: return "blk.{}.attn_qkv.bias";
    default: return {};
  }
}

}  // namespace

std::string_view gguf_name(WeightRole role) {
  const auto* usual = std::ranges::find(kNames, role, &GgufName::role);
  return usual == std::end(kNames) ? std::string_view() : usual->name;
}

std::span<const std::string_view> gguf_ignored() { return kIgnored; }

std::vector<Binding> gguf_bindings(const ArchSpec& arch, const GgufArch& gguf,
                                   const WeightSource& source) {
  const bool fused_qkv = source.find("blk.0.attn_qkv.weight") != nullptr;
  // Phi-3 has gate and up in one matrix under the name of up.
  const bool fused_gate = source.find("blk.0.ffn_gate.weight") == nullptr;
  std::vector<Binding> all;
  for (const Binding& row : arch.bindings) {
    Binding binding = row;
    binding.name = name_of(row.role, gguf, source);
    binding.layout = Layout::as_is;
    binding.fused = Fused::no;
    binding.part = 0;
    binding.parts = 1;
    if (fused_qkv && !fused_name(row.role).empty()) {
      binding.name = fused_name(row.role);
      binding.fused = Fused::qkv;
    }
    if (row.fused == Fused::gate_up && fused_gate) {
      binding.name = gguf_name(WeightRole::up);
      binding.fused = Fused::gate_up;
    }
    if (gguf.rotary_pairs && is_query_or_key(row.role)) binding.layout = Layout::rotary_pairs;
    all.push_back(binding);
  }
  return all;
}

}  // namespace tepui
