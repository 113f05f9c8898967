// SPDX-License-Identifier: MIT
// Memory for matrices and activations: aligned to cache lines and, but for small pieces, on huge
// pages, which the system is asked for. Weights that are streamed from ordinary pages are slowed by
// the translation of addresses (bench/README.md has the figures).
#pragma once

#include <cstddef>
#include <memory>

namespace tepui {

inline constexpr std::size_t kValueAlignment = 64;

struct FreeValueMemory {
  std::size_t block = 0;  // bytes of one of base/value_blocks.h; 0 where it stands alone

  void operator()(std::byte* memory) const;
};
using ValueMemory = std::unique_ptr<std::byte, FreeValueMemory>;

// At least `bytes` and one, uninitialised; null where the system refuses.
ValueMemory allocate_values(std::size_t bytes);

}  // namespace tepui
