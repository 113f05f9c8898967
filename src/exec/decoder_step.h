// SPDX-License-Identifier: MIT
// What one call of a Decoder works with.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "exec/decoder.h"
#include "exec/uploaded.h"

namespace tepui {

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
  // What is uploaded beside them, and must stay as long.
  std::vector<TokenId> gathered;
  std::vector<std::int32_t> chunk_offsets;
  std::vector<std::int32_t> cache_offsets;
  std::vector<std::int32_t> places;
  std::vector<std::int32_t> moves;
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
  std::vector<Ticket> last;  // of the run that was issued last; before the first, of uploads
};

}  // namespace tepui
