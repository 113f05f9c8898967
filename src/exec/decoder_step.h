// SPDX-License-Identifier: MIT
// What one call of a Decoder works with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "exec/decoder.h"

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

struct Decoder::Step {
  ChunkShape shape;
  CacheShape cache;
  std::vector<Kept> kept;  // what will be kept
  // By row.
  std::vector<TokenId> ids;
  std::vector<std::int32_t> positions;
  std::vector<int> branch;
  std::vector<std::size_t> sequence;
  std::vector<int> branch_of;  // by sequence
  // On the device.
  Buffer ids_there;
  Buffer token_rows;  // where the table of tokens is not resident: what the ids count
  Buffer positions_there;
  Buffer offsets;
  Buffer key_offsets;
  Buffer moved;
  Buffer at;
  Buffer state;
  std::deque<Buffer> marks;  // those of earlier parts stay where they are
  // Of the part in hand.
  std::vector<ActiveEdit> edits;
  Buffer keys_left;
  Buffer values_left;
  std::vector<Ticket> last;  // of the run that was issued last
};

}  // namespace tepui
