// SPDX-License-Identifier: MIT
// How an executor divides its work, what it keeps, and what it says about its time. Results depend
// on none of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "exec/run_observer.h"
#include "plan/massive_rule.h"

namespace tepui {

struct ExecOptions {
  std::uint64_t weight_budget = std::uint64_t{4}
                                << 30;  // bytes of packed weights that may stay resident
  int chunk_tokens =
      512;  // a chunk takes sequences until it has this many rows (at least one sequence)
  // Likewise for a wave; 0: few where the model stays in memory, many where each wave packs it
  // again.
  int wave_tokens = 0;
  // Hidden states of a wave lie in files and pass through memory lane by lane; needs state_folder.
  bool spill = false;
  int head_branches = 0;  // so many branches are handed out at once beside the unedited one; 0: all

  // Where hidden states are kept so that a killed run goes on; empty: they are not, and a killed
  // run repeats its unit. Not with a RowConsumer.
  std::filesystem::path state_folder;
  std::string state_identity;  // of everything that determines what is computed
  double sync_seconds = 15;    // at least between two times that states are written

  RunObserver* observer = nullptr;
  MassiveRule massive = {};  // what edits call massive
};

// Seconds of the calling thread.
struct ExecTimes {
  double total = 0;
  double weights = 0;  // waiting for weights to be read and packed
  double layers = 0;   // in layers: computing or waiting for the device, and handing out rows
  double rows = 0;     // handing out rows, in layers for the most part
  double head = 0;     // in on_chunk
  double states = 0;   // keeping hidden states on disk
  double device() const { return layers - weights - rows; }
  double host() const { return total - layers - head - states + rows; }

  std::uint64_t bytes_read = 0;  // of weights
};

}  // namespace tepui
