// SPDX-License-Identifier: MIT
// A counter's random bits, the same in C++ and in shaders: pcg3d (Jarzynski and Olano, "Hash
// functions for GPU rendering", JCGT 9(3), 2020), of which the first word is used.
#ifndef TEPUI_RANDOM_BITS_H
#define TEPUI_RANDOM_BITS_H

#include "ops/param_words.h"

#ifdef __cplusplus
namespace tepui {
#define TEPUI_EVERYWHERE [[gnu::always_inline]] inline
#else
#define TEPUI_EVERYWHERE
#endif

TEPUI_EVERYWHERE uint pcg3d_word(uint x, uint y, uint z) {
  x = x * 1664525u + 1013904223u;
  y = y * 1664525u + 1013904223u;
  z = z * 1664525u + 1013904223u;
  x += y * z;
  y += z * x;
  z += x * y;
  x ^= x >> 16;
  y ^= y >> 16;
  z ^= z >> 16;
  return x + y * z;
}

#ifdef __cplusplus
}  // namespace tepui
#endif

#endif
