// SPDX-License-Identifier: MIT
// Divides a memory budget: what the layers' weights may take, how many rows are computed at once,
// how many sequences pass through the layers together, whether their hidden states lie in memory or
// in files, and whether the head stays packed. Where the weights do not fit, one wave takes all
// sequences, so that the weights pass once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "exec/exec_options.h"
#include "exec/wave.h"
#include "plan/schedule.h"
#include "plan/site_selection.h"
#include "tepui/backend.h"
#include "tepui/metric.h"

namespace tepui {

struct MemoryQuestion {
  const Backend& backend;
  const Model& model;
  Sequences sequences;  // that will be run
  const Schedule& schedule;
  const SiteSelection& sites;
  std::span<const std::unique_ptr<Metric>> metrics;
  bool scores = false;       // whether the head runs
  std::uint64_t budget = 0;  // of the process where the host computes, else of the device
  int wave_tokens = 0;       // as asked for; 0: as suits
  bool has_files = false;    // whether hidden states may lie in files
  const SiteSelection* streamed = nullptr;  // places whose rows are handed out as they are
  std::uint64_t beside = 0;  // bytes that whoever runs it holds meanwhile, where the run computes
  std::string_view beside_what = "";

  int layers() const;  // that the run computes
};

// In bytes.
struct MemoryDivision {
  std::uint64_t budget = 0;
  std::uint64_t base = 0;     // the process as it is, and buffers to load weights
  std::uint64_t beside = 0;   // what whoever runs it holds
  std::uint64_t weights = 0;  // layers that are resident or being loaded
  std::uint64_t chunk = 0;    // what one chunk takes in a layer
  std::uint64_t states = 0;   // hidden states of a wave, in memory
  std::uint64_t head = 0;     // where it stays packed
  std::uint64_t files = 0;    // hidden states of a wave on disk, both sides

  bool all_resident = false;  // the layers' weights stay
  bool loads_ahead = false;   // there is room to load a whole layer while another computes
  bool keeps_head = false;
  bool spills = false;
  int chunk_tokens = 0;
  int wave_tokens = 0;
  int head_branches = 0;  // 0: all at once

  std::uint64_t total() const { return base + beside + weights + chunk + states + head; }
  void apply(ExecOptions& options) const;
};

// An error that names the least budget where it is too small. Chunks are as small as makes their
// temporaries one allocation, if several sequences do.
Result<MemoryDivision> divide_memory(const MemoryQuestion& question);

}  // namespace tepui
