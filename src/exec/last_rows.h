// SPDX-License-Identifier: MIT
// What a chunk's last layer needs where only the last rows of its sequences are looked at: those
// before them give keys and values there, and nothing else. A prompt that a text goes on from, or
// the beginning of several choices, is read by its last row alone.
#pragma once

#include <span>

#include "models/lower.h"
#include "plan/schedule.h"
#include "tepui/backend.h"

namespace tepui {

struct LastRows {
  ChunkShape shape;  // lengths: how many rows of each sequence; empty where all rows leave
  Buffer rows;       // of LoweredLast
  Buffer positions;
  Buffer offsets;
  bool there() const { return !shape.lengths.empty(); }
};

// `counts`: of each sequence of the chunk, at least 1. All rows where these are all.
Result<LastRows> load_last_rows(Backend& backend, const ChunkShape& chunk,
                                std::span<const int> counts);

// Whether nobody needs the other rows: neither an edit nor one of these sites of the last layer, or
// the final norm's.
bool may_leave_last_rows(const ModelSpec& spec, const Schedule& schedule,
                         std::span<const Site> last_layer, std::span<const Site> final_norm);

}  // namespace tepui
