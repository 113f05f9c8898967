// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>

#include "base/hash.h"
#include "models/arch/list.h"

namespace tepui {

std::span<const ArchSpec* const> all_architectures() {
  static const std::array list = {
      &llama_arch(),       &gpt2_arch(),     &nanogpt_arch(), &mistral_arch(),  &mixtral_arch(),
      &qwen2_arch(),       &qwen3_arch(),    &phi_arch(),     &phi_msft_arch(), &phi3_arch(),
      &gptj_arch(),        &gpt_neox_arch(), &opt_arch(),     &bloom_arch(),    &falcon_arch(),
      &mpt_arch(),         &gemma_arch(),    &gemma2_arch(),  &gemma3_arch(),   &olmo_arch(),
      &olmo2_arch(),       &stablelm_arch(), &cohere_arch(),  &cohere2_arch(),  &tepui_gpt2_arch(),
      &tepui_llama_arch(),
  };
  return list;
}

double ModelSpec::attention_scale(int layer) const {
  if (dims.score_scale != 0) return static_cast<double>(dims.score_scale);
  double scale = dims.scale_scores ? 1.0 / std::sqrt(static_cast<double>(dims.head_dim)) : 1.0;
  if (dims.scale_by_inverse_layer) scale /= layer + 1;
  return scale;
}

namespace {

std::string text_of(const RopeSpec& r) {
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} [{}] [{}]", r.theta, r.rotary_dim,
                     r.interleaved, static_cast<int>(r.scaling), r.factor, r.low_freq_factor,
                     r.high_freq_factor, r.original_context, r.beta_fast, r.beta_slow, r.truncate,
                     r.magnitude, fmt::join(r.short_factors, " "), fmt::join(r.long_factors, " "));
}

std::string text_of(const Form& f) {
  const bool plain = f.extra == AttentionExtra::none && !f.sigmoid_attention && !f.gated_attention;
  std::string variant = plain ? std::string()
                              : fmt::format(" {} {} {}", static_cast<int>(f.extra),
                                            f.sigmoid_attention, f.gated_attention);
  if (f.gated_heads) variant += " gated heads";
  if (f.embedding_factor) variant += " embedding factor";
  return fmt::format("{} {} {} {} {} {} {} {} {} {}{}", static_cast<int>(f.norm),
                     static_cast<int>(f.positions), static_cast<int>(f.mlp),
                     static_cast<int>(f.block), static_cast<int>(f.qk_norm), f.norms_before,
                     f.norms_behind, f.shared_norm, f.residual_normed, f.final_norm, variant);
}

std::string text_of(const Dims& d) {
  std::string gamma = d.score_gamma == 0 ? "" : fmt::format(" {}", d.score_gamma);
  if (d.prefix > 0) gamma += fmt::format(" prefix {}", d.prefix);
  return fmt::format(
      "{} {} {} {} {} {} {} {} | {} {} {} {} {} {} {} {} {} {} {} {} {} | {} {} {} {} {} {}{}",
      d.layers, d.width, d.heads, d.kv_heads, d.head_dim, d.hidden, d.vocabulary, d.context,
      d.norm_eps, d.act, d.tied, d.attention_bias, d.mlp_bias, d.scale_scores,
      d.scale_by_inverse_layer, d.score_scale, d.score_softcap, d.logit_softcap, d.logit_scale,
      d.embedding_scale, d.clip_qkv, d.experts, d.experts_chosen, d.embedding_width,
      d.position_offset, d.alibi_max, d.alibi_rounded, gamma);
}

}  // namespace

std::string configuration_fingerprint(const ModelSpec& spec) {
  std::string text =
      fmt::format("{} | {} | {} | {} | {}", spec.arch->name, text_of(spec.form), text_of(spec.dims),
                  text_of(spec.dims.rope), text_of(spec.dims.local_rope));
  for (const LayerSpec& layer : spec.layers)
    text += fmt::format(" | {} {}", layer.window, static_cast<int>(layer.rope));
  return hash_hex(text);
}

}  // namespace tepui
