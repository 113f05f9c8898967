// SPDX-License-Identifier: MIT
// Small data on the device: what a run is told of its rows.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "tepui/backend.h"

namespace tepui {

template <class T>
Result<Buffer> uploaded(Backend& backend, const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span<const T>(values));
  TEPUI_TRY(Buffer buffer,
            backend.allocate(std::max<std::size_t>(bytes.size(), 1), Memory::device));
  if (!bytes.empty())
    TEPUI_TRY(backend.wait(backend.upload({&buffer, 0, bytes.size()}, bytes, {})));
  return buffer;
}

}  // namespace tepui
