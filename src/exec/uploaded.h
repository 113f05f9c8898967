// SPDX-License-Identifier: MIT
// Small data on the device: what a run is told of its rows.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "tepui/backend.h"

namespace tepui {

// There when the ticket that joins the others is reached; until then the values must stay.
template <class T>
Result<Buffer> uploading(Backend& backend, const std::vector<T>& values,
                         std::vector<Ticket>& tickets) {
  const auto bytes = std::as_bytes(std::span<const T>(values));
  TEPUI_TRY(Buffer buffer,
            backend.allocate(std::max<std::size_t>(bytes.size(), 1), Memory::device));
  if (!bytes.empty()) tickets.push_back(backend.upload({&buffer, 0, bytes.size()}, bytes, {}));
  return buffer;
}

// There already.
template <class T>
Result<Buffer> uploaded(Backend& backend, const std::vector<T>& values) {
  std::vector<Ticket> tickets;
  TEPUI_TRY(Buffer buffer, uploading(backend, values, tickets));
  for (const Ticket ticket : tickets) TEPUI_TRY(backend.wait(ticket));
  return buffer;
}

}  // namespace tepui
