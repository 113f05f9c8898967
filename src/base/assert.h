// SPDX-License-Identifier: MIT
// TEPUI_ASSERT states what must hold if the program has no bug. It stays on in release builds: a
// wrong number is worse than a stop. Never use it for input: that is Result's business.
#pragma once

#include <cstdio>
#include <cstdlib>

#define TEPUI_ASSERT(condition)                                                              \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: assertion failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
