// SPDX-License-Identifier: MIT
#include "models/gguf/arch.h"

#include <algorithm>
#include <iterator>

namespace tepui {
namespace {

constexpr GgufFlag kLlamaFlags[] = {
    {"attention_bias", "blk.0.attn_q.bias"},
    {"mlp_bias", "blk.0.ffn_down.bias"},
};

constexpr GgufArch kArchitectures[] = {
    {.name = "llama", .model_type = "llama", .rotary_pairs = true, .flags = kLlamaFlags},
    // Its matrices are [out, in] here, and the tanh form of GELU is the only one llama.cpp has.
    {.name = "gpt2", .model_type = "gpt2", .fused_qkv = true},
};

constexpr GgufName kNames[] = {
    {WeightRole::token_embedding, "token_embd.weight"},
    {WeightRole::position_embedding, "position_embd.weight"},
    {WeightRole::attn_norm, "blk.{}.attn_norm.weight"},
    {WeightRole::attn_norm_bias, "blk.{}.attn_norm.bias"},
    {WeightRole::q, "blk.{}.attn_q.weight"},
    {WeightRole::q_bias, "blk.{}.attn_q.bias"},
    {WeightRole::k, "blk.{}.attn_k.weight"},
    {WeightRole::k_bias, "blk.{}.attn_k.bias"},
    {WeightRole::v, "blk.{}.attn_v.weight"},
    {WeightRole::v_bias, "blk.{}.attn_v.bias"},
    {WeightRole::o, "blk.{}.attn_output.weight"},
    {WeightRole::o_bias, "blk.{}.attn_output.bias"},
    {WeightRole::mlp_norm, "blk.{}.ffn_norm.weight"},
    {WeightRole::mlp_norm_bias, "blk.{}.ffn_norm.bias"},
    {WeightRole::gate, "blk.{}.ffn_gate.weight"},
    {WeightRole::gate_bias, "blk.{}.ffn_gate.bias"},
    {WeightRole::up, "blk.{}.ffn_up.weight"},
    {WeightRole::up_bias, "blk.{}.ffn_up.bias"},
    {WeightRole::down, "blk.{}.ffn_down.weight"},
    {WeightRole::down_bias, "blk.{}.ffn_down.bias"},
    {WeightRole::final_norm, "output_norm.weight"},
    {WeightRole::final_norm_bias, "output_norm.bias"},
    {WeightRole::head, "output.weight"},
};

constexpr std::string_view kFusedMatrix = "blk.{}.attn_qkv.weight";
constexpr std::string_view kFusedBias = "blk.{}.attn_qkv.bias";

constexpr std::string_view kIgnored[] = {"rope_freqs.weight"};

std::string_view name_of(WeightRole role, const GgufArch& gguf) {
  const auto own = std::ranges::find(gguf.names, role, &GgufName::role);
  if (own != gguf.names.end()) return own->name;
  const auto* usual = std::ranges::find(kNames, role, &GgufName::role);
  return usual == std::end(kNames) ? std::string_view() : usual->name;
}

// q, k and v: 0, 1 and 2.
struct Third {
  bool is_third = false;
  bool bias = false;
  std::uint8_t part = 0;
};
Third third_of(WeightRole role) {
  switch (role) {
    case WeightRole::q: return {true, false, 0};
    case WeightRole::k: return {true, false, 1};
    case WeightRole::v: return {true, false, 2};
    case WeightRole::q_bias: return {true, true, 0};
    case WeightRole::k_bias: return {true, true, 1};
    case WeightRole::v_bias: return {true, true, 2};
    default: return {};
  }
}

}  // namespace

std::span<const GgufArch> gguf_architectures() { return kArchitectures; }

std::span<const std::string_view> gguf_ignored() { return kIgnored; }

std::vector<Binding> gguf_bindings(const ArchSpec& arch, const GgufArch& gguf) {
  std::vector<Binding> all;
  for (const Binding& row : arch.bindings) {
    Binding binding{row.role, name_of(row.role, gguf), row.need, Layout::as_is, 0, 1};
    const Third third = third_of(row.role);
    if (third.is_third && gguf.fused_qkv) {
      binding.name = third.bias ? kFusedBias : kFusedMatrix;
      binding.part = third.part;
      binding.parts = 3;
    }
    if (third.is_third && third.part < 2 && gguf.rotary_pairs)
      binding.layout = Layout::rotary_pairs;
    all.push_back(binding);
  }
  return all;
}

}  // namespace tepui
