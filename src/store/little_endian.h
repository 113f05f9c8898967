// SPDX-License-Identifier: MIT
// Arrays as the blobs of a store and back: little-endian, 4 bytes an element. A plain copy on the
// processors in use; a byte swap elsewhere, so that stores can be moved between machines.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

namespace tepui {

template <class T>
std::vector<std::byte> to_blob(std::span<const T> values) {
  static_assert(sizeof(T) == 4);
  std::vector<std::byte> blob(values.size_bytes());
  if (!values.empty()) std::memcpy(blob.data(), values.data(), blob.size());
  if constexpr (std::endian::native == std::endian::big)
    for (std::size_t at = 0; at < blob.size(); at += 4)
      std::reverse(blob.begin() + static_cast<std::ptrdiff_t>(at),
                   blob.begin() + static_cast<std::ptrdiff_t>(at + 4));
  return blob;
}

template <class T>
std::vector<T> from_blob(std::span<const std::byte> blob) {
  static_assert(sizeof(T) == 4);
  std::vector<T> values(blob.size() / 4);
  std::vector<std::byte> swapped;
  if constexpr (std::endian::native == std::endian::big) {
    swapped = to_blob<T>({reinterpret_cast<const T*>(blob.data()), values.size()});
    blob = swapped;
  }
  if (!values.empty()) std::memcpy(values.data(), blob.data(), values.size() * 4);
  return values;
}

}  // namespace tepui
