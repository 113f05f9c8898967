// SPDX-License-Identifier: MIT
// How far a pass is, in tokens. The executor counts tokens times layers, so that a progress line
// moves inside a wave; a rate says something only of tokens.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "exec/executor.h"

namespace tepui {

// Of so many tokens in all the share that the executor has done; nothing where nobody listens.
inline OnProgress in_tokens(OnProgress advance, std::int64_t tokens) {
  if (!advance) return nullptr;
  return [advance = std::move(advance), tokens](std::int64_t done, std::int64_t total) {
    const double share =
        static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(total, 1));
    advance(static_cast<std::int64_t>(share * static_cast<double>(tokens)), tokens);
  };
}

inline std::int64_t tokens_in(Sequences sequences, std::span<const SequenceRange> ranges) {
  std::int64_t tokens = 0;
  for (const auto& [first, last] : ranges)
    for (int i = first; i < last; ++i)
      tokens += static_cast<std::int64_t>(sequences[static_cast<std::size_t>(i)].size());
  return tokens;
}

}  // namespace tepui
