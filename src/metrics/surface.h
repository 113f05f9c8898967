// SPDX-License-Identifier: MIT
// How a surface lies over the tokens and channels of a sequence: who measures it and who draws it
// must agree. A cell covers token_block x channel_block elements (fewer at the last row and
// column), as few as keep the surface within kSurfaceCells each way.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tepui {

inline constexpr std::int64_t kSurfaceCells = 256;

struct SurfaceGrid {
  std::int64_t tokens = 0;
  std::int64_t channels = 0;
  std::int64_t token_block = 1;
  std::int64_t channel_block = 1;

  std::int64_t rows() const { return (tokens + token_block - 1) / token_block; }
  std::int64_t columns() const { return (channels + channel_block - 1) / channel_block; }
  std::size_t cells() const { return static_cast<std::size_t>(rows() * columns()); }
  bool is_whole() const { return token_block == 1 && channel_block == 1; }
  bool operator==(const SurfaceGrid&) const = default;
};

// The finest grid of at most `most` cells each way.
constexpr SurfaceGrid surface_grid(std::int64_t tokens, std::int64_t channels,
                                   std::int64_t most = kSurfaceCells) {
  return {tokens, channels, (tokens + most - 1) / most, (channels + most - 1) / most};
}

}  // namespace tepui
