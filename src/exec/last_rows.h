// SPDX-License-Identifier: MIT
// What a chunk's last layer needs where only the last rows of its sequences are looked at: those
// before them give keys and values there, and nothing else. A prompt that a text goes on from, or
// the beginning of several choices, is read by its last row alone.
#pragma once

#include <span>

#include "exec/tap.h"
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

// `counts`: of each sequence of the chunk, at least 1. All rows leave where these are all, or where
// an edit or a site of the last layer or of the final norm needs the others.
Result<LastRows> choose_last_rows(Backend& backend, const ModelSpec& spec, const Schedule& schedule,
                                  const SiteWork& last_layer, const SiteWork& final_norm,
                                  const ChunkShape& chunk, std::span<const int> counts);

}  // namespace tepui
