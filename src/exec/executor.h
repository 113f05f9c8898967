// SPDX-License-Identifier: MIT
// Runs a model over sequences, layer by layer: for each layer, once its weights are resident, all
// chunks of the wave pass through it, and only the taps' small outputs and the rows that were asked
// for return, each chunk's while the next one computes. A wave is a range of sequences and the unit
// of work of a RowSink; a chunk is a part of it that is computed at once, always of whole
// sequences. Law 2: the rows do not depend on how sequences are divided into waves
// and chunks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "exec/part.h"
#include "exec/row_stream.h"
#include "exec/run_observer.h"
#include "exec/wave.h"
#include "exec/weight_store.h"
#include "input/tokenizer.h"
#include "plan/schedule.h"
#include "plan/site_selection.h"

namespace tepui {

struct ExecOptions {
  std::uint64_t weight_budget = std::uint64_t{4}
                                << 30;  // bytes of packed weights that may stay resident
  int chunk_tokens =
      512;  // a chunk takes sequences until it has this many rows (at least one sequence)
  // Likewise for a wave; 0: few where the model stays in memory, many where each wave packs it
  // again.
  int wave_tokens = 0;
  RunObserver* observer = nullptr;
  MassiveRule massive = {};  // what edits call massive
};

// Called when a chunk of a layer is back, with the work done so far and the whole, both in tokens
// times layers.
using OnProgress = std::function<void(std::int64_t done, std::int64_t total)>;

// Where the hidden state of one chunk ends: after the final norm.
struct ChunkResult {
  int first_sequence = 0;
  const ChunkShape* shape = nullptr;
  BufferSlice final_norm;             // f32 [R, D], of the unedited run
  std::vector<BufferSlice> branches;  // likewise, of every branch; the first is final_norm
};
using OnChunk = std::function<Status(const ChunkResult&)>;

class Executor {
 public:
  Executor(Backend& backend, const Model& model, ThreadPool& pool, const ExecOptions& options,
           std::span<const std::unique_ptr<Metric>> metrics);
  ~Executor();

  // Runs the sequences of `pending` (ranges of the whole list, whose numbering the rows use).
  // on_chunk, if given, gets every chunk's final norm as well. `rows` asks for rows of sites as
  // they are, of one branch. `schedule`, if given, has other branches beside the unedited
  // run; sites are measured in all of them. Sequences must be valid (check_sequences).
  Status run(Sequences sequences, std::span<const SequenceRange> pending,
             const SiteSelection& sites, RowSink& sink, const OnProgress& on_progress,
             const OnChunk& on_chunk = nullptr, const RowRequest& rows = {},
             const Schedule* schedule = nullptr);

  // The model's weights, for who goes on where a run ended.
  WeightStore& weights() { return weights_; }

  // Host memory that outputs of taps took at once in the last run(), at most.
  std::size_t most_tap_bytes() const { return most_tap_bytes_; }

 private:
  struct Run;
  struct LaneStates;
  using Wave = std::vector<ChunkState>;

  Status run_unit(Run& run, SequenceRange unit);
  Status require(Run& run, int layer);
  Status embed(Run& run, Wave& wave);
  Status compute_layer(Run& run, Wave& wave, int layer);
  Status finish(Run& run, Wave& wave);
  // All lanes of a part, in order; then the chunk's hidden states are those that they left.
  Status compute_lanes(Run& run, ChunkState& chunk, const PartLanes& lanes, const PartRun& what,
                       const std::function<Result<Lowered>()>& lower);
  SiteWork work_of_lane(const Run& run, const PartLanes& lanes, int index,
                        const SiteWork& work) const;
  // Runs a part of one lane, prepared if it was not yet.
  Status compute(Run& run, ChunkState& chunk, const PartLanes& lanes, int index,
                 const PartRun& what, const std::function<Result<Lowered>()>& lower);
  Status bind_states(Run& run, ChunkState& chunk, const Lane& lane, int index, const Part& part,
                     Bindings& bindings, std::vector<Ticket>& after);
  Status bind_edits(const Run& run, ChunkState& chunk, const Lane& lane, const Part& part,
                    Bindings& bindings, std::vector<Ticket>& after);
  int wave_tokens() const;

  Backend& backend_;
  const Model& model_;
  ExecOptions options_;
  WeightStore weights_;
  PartCache parts_;
  bool compares_ = false;  // whether a metric does
  std::size_t most_tap_bytes_ = 0;
};

}  // namespace tepui
