// SPDX-License-Identifier: MIT
#include <array>
#include <cmath>

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

}  // namespace tepui
