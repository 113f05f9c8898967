// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/hash.h"
#include "models/arch/list.h"

namespace tepui {

std::span<const ArchSpec* const> all_architectures() {
  static const std::array<const ArchSpec*, 2> list = {&llama_arch(), &gpt2_arch()};
  return list;
}

double ModelSpec::attention_scale(int layer) const {
  double scale = dims.scale_scores ? 1.0 / std::sqrt(static_cast<double>(dims.head_dim)) : 1.0;
  if (dims.scale_by_inverse_layer) scale /= layer + 1;
  return scale;
}

std::string configuration_fingerprint(const ModelSpec& spec) {
  const Dims& d = spec.dims;
  const RopeSpec& r = d.rope;
  return hash_hex(fmt::format(
      "{} | {} {} {} {} {} {} {} {} | {} {} {} {} {} {} {} | {} {} {} {} {} {} {} {}",
      spec.arch->name, d.layers, d.width, d.heads, d.kv_heads, d.head_dim, d.hidden, d.vocabulary,
      d.context, d.norm_eps, d.act, d.tied, d.attention_bias, d.mlp_bias, d.scale_scores,
      d.scale_by_inverse_layer, r.theta, r.rotary_dim, r.interleaved, static_cast<int>(r.scaling),
      r.factor, r.low_freq_factor, r.high_freq_factor, r.original_context));
}

}  // namespace tepui
