// SPDX-License-Identifier: MIT
// What a parameter block is written with, in C++ and in GLSL.
#ifndef TEPUI_PARAM_WORDS_H
#define TEPUI_PARAM_WORDS_H

#ifdef __cplusplus
#include <cstdint>
namespace tepui {
using uint = std::uint32_t;
}  // namespace tepui
#define TEPUI_OR(value) = value  // what a parameter is where a C++ caller leaves it out
#else
#define TEPUI_OR(value)
#endif

#endif
