// SPDX-License-Identifier: MIT
#pragma once

#include "models/named_shape.h"

namespace tepui::bench {

// FLOPs of a prefill of `sequences` x `length` tokens without the head: the linear layers and
// attention's causal half.
inline double prefill_flops(const NamedShape& s, int sequences, int length) {
  const double width = s.width;
  const double keys = s.key_width();
  const double per_token =
      2.0 * s.layers * (2.0 * width * width + 2.0 * width * keys + 3.0 * width * s.hidden);
  const double attention = 4.0 * s.layers * width * (length + 1.0) / 2.0;
  return sequences * static_cast<double>(length) * (per_token + attention);
}

}  // namespace tepui::bench
