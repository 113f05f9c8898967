// SPDX-License-Identifier: MIT
// Reads the elements of a host view of known type for the references and their bounds; the bytes
// may be unaligned, because a backend may bind a file's mapping as it is.
#pragma once

#include <cstring>

#include "base/assert.h"
#include "tepui/tensor.h"

namespace tepui {

template <class T>
class Elements {
 public:
  explicit Elements(const HostView& view) : bytes_(view.bytes.data()) {}
  T operator[](std::size_t index) const {
    T value;
    std::memcpy(&value, bytes_ + index * sizeof(T), sizeof(T));
    return value;
  }

 private:
  const std::byte* bytes_;
};

// An element of any float dtype, exactly: each of them is a subset of f32.
inline float float_at(const HostView& view, std::size_t index) {
  return static_cast<float>(view.at(static_cast<std::int64_t>(index)));
}

// The rows [begin, end) of sequence s; offsets ascend from 0 to the number of rows.
struct SequenceRows {
  std::size_t begin;
  std::size_t end;
};
inline SequenceRows sequence_rows(const HostView& offsets, std::size_t s, std::size_t rows) {
  const Elements<std::int32_t> at(offsets);
  const std::int32_t begin = at[s];
  const std::int32_t end = at[s + 1];
  TEPUI_ASSERT(begin >= 0 && begin <= end && static_cast<std::size_t>(end) <= rows);
  return {static_cast<std::size_t>(begin), static_cast<std::size_t>(end)};
}

}  // namespace tepui
