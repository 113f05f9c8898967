// SPDX-License-Identifier: MIT
// Runs a model over sequences, layer by layer: for each layer, once its weights are resident, all
// chunks of the wave pass through it, and only the taps' small outputs and the rows that were asked
// for return, each chunk's while the next one computes. A wave is a range of sequences and the unit
// of work of a RowSink; a chunk is a part of it that is computed at once, always of whole
// sequences. Law 2: the rows do not depend on how sequences are divided into waves and chunks. A
// layer of a wave is what a killed run loses at most, where it has a folder to keep states in.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "exec/exec_options.h"
#include "exec/lane_runner.h"
#include "exec/part.h"
#include "exec/row_stream.h"
#include "exec/wave.h"
#include "exec/weight_store.h"
#include "plan/schedule.h"
#include "plan/site_selection.h"

namespace tepui {

class WaveState;

// Called when a chunk of a layer is back, with the work done so far and the whole, both in tokens
// times layers.
using OnProgress = std::function<void(std::int64_t done, std::int64_t total)>;

// Where the hidden state of one chunk ends: after the final norm.
struct ChunkResult {
  int first_sequence = 0;
  const ChunkShape* shape = nullptr;  // of the rows that are here
  BufferSlice final_norm;             // f32 [R, D], of the unedited run
  // Likewise, of the unedited run and of the branches from first_branch on. All branches at once,
  // or so many that they fit in memory: then a chunk comes several times.
  std::vector<BufferSlice> branches;
  int first_branch = 1;
};
using OnChunk = std::function<Status(const ChunkResult&)>;

// Who takes the chunks' final norms, and which rows of these: all, or by sequence of the list how
// many of its last, at least one. Then a chunk brings at least those, as its shape says, and the
// last layer computes no other where nobody looks at them (exec/last_rows.h).
struct StateRequest {
  OnChunk take;
  std::span<const int> last_rows;
};

class Executor {
 public:
  Executor(Backend& backend, const Model& model, ThreadPool& pool, const ExecOptions& options,
           std::span<const std::unique_ptr<Metric>> metrics);
  ~Executor();

  // Runs the sequences of `pending` (ranges of the whole list, whose numbering the rows use).
  // `states`, if anybody takes them, are every chunk's final norm. `rows` asks for rows of sites as
  // they are, of one branch. `schedule`, if given, has other branches beside the unedited
  // run; sites are measured in all of them. Sequences must be valid (check_sequences).
  Status run(Sequences sequences, std::span<const SequenceRange> pending,
             const SiteSelection& sites, RowSink& sink, const OnProgress& on_progress,
             const StateRequest& states = {}, const RowRequest& rows = {},
             const Schedule* schedule = nullptr);

  // The model's weights, for who goes on where a run ended.
  WeightStore& weights() { return weights_; }

  // Host memory that outputs of taps took at once in the last run(), at most.
  std::size_t most_tap_bytes() const { return most_tap_bytes_; }
  // Of the last run().
  const ExecTimes& times() const { return times_; }

 private:
  struct Run;
  using Wave = std::vector<ChunkState>;

  Status run_units(Run& run, std::span<const SequenceRange> pending);
  Status run_unit(Run& run, SequenceRange unit, bool last);
  Status compute_unit(Run& run, Wave& wave, SequenceRange unit, bool last);
  Status require(int layer, int next);
  Status embed(Run& run, Wave& wave);
  Status choose_rows(Run& run, ChunkState& chunk);  // those that leave the last layer
  Status compute_layer(Run& run, Wave& wave, int layer, int next);
  Status finish(Run& run, Wave& wave);
  Status hand_out(Run& run, ChunkState& chunk, const PartLanes& lanes);
  // States and rows to the disk, if it is time; `part` was computed.
  Status keep_states(Run& run, Wave& wave, SequenceRange unit, int part);
  // What an interrupted run left: the part to go on with.
  Result<int> resume(Run& run, Wave& wave);
  int wave_tokens() const;
  // Layers that are computed: those up to the last place that somebody looks at; all where nobody
  // does.
  int layers_of(const SiteSelection& sites, const RowRequest& rows,
                const StateRequest& states) const;

  Backend& backend_;
  const Model& model_;
  ExecOptions options_;
  WeightStore weights_;
  PartCache parts_;
  bool compares_ = false;  // whether a metric does
  std::size_t most_tap_bytes_ = 0;
  ExecTimes times_;
};

}  // namespace tepui
