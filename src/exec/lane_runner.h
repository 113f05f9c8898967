// SPDX-License-Identifier: MIT
// Takes one chunk through one part of a model, lane by lane: binds states, weights, edits' operands
// and taps' outputs, issues the runs, and leaves the chunk with the states that the lanes gave.
// Where the states of a wave do not fit in memory, each is read from a file before its lane runs
// and written behind it, so that what is held does not grow with the number of lanes.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "exec/buffer_pool.h"
#include "exec/part.h"
#include "exec/run_observer.h"
#include "exec/state_file.h"
#include "exec/tap_collector.h"
#include "exec/wave.h"
#include "exec/weight_store.h"
#include "plan/schedule.h"

namespace tepui {

using Lowering = std::function<Result<Lowered>()>;

class LaneRunner {
 public:
  // What runs share. The collector waits for what uses the buffers: it must go first.
  struct Means {
    Backend& backend;
    const Model& model;
    WeightStore& weights;
    PartCache& parts;
    RunObserver* observer = nullptr;
    bool compares = false;  // whether a metric does
    int row_branch = 0;     // whose rows are streamed
  };

  LaneRunner(const Means& means, TapCollector& collector, BufferPool& pool)
      : means_(means), collector_(collector), pool_(pool) {}

  // Then the chunk's hidden states are those that the lanes left.
  Status run_part(ChunkState& chunk, const PartLanes& lanes, const PartRun& what,
                  const Lowering& lower);

  // From now on states are read from one side of the file and written to the other; null: they
  // stay on the backend.
  void spill(StateFile* file, int from) {
    file_ = file;
    from_ = from;
  }
  // States of a chunk between the backend and a side of a file.
  Status save(ChunkState& chunk, StateFile& file, int side);
  Status load(ChunkState& chunk, StateFile& file, int side, int lane, int width);

  // When nothing is under way any more, after an error too.
  void forget() { states_ = {}; }

 private:
  SiteWork work_of_lane(const PartLanes& lanes, int index, const SiteWork& work) const;
  // Runs a part of one lane, prepared if it was not yet.
  Status compute(ChunkState& chunk, const PartLanes& lanes, int index, const PartRun& what,
                 const Lowering& lower);
  Status bind_states(ChunkState& chunk, const Lane& lane, int index, const Part& part,
                     Bindings& bindings, std::vector<Ticket>& after);
  Status bind_edits(ChunkState& chunk, const Lane& lane, const Part& part, Bindings& bindings,
                    std::vector<Ticket>& after);
  Status save_lane(const ChunkState& chunk, const Buffer& state, StateFile& file, int side,
                   int lane);
  // The at-th lane in order: its result goes to the file, and its parent if no more needed.
  Status spill_lane(ChunkState& chunk, const PartLanes& lanes, std::size_t at);

  // What the lanes of a part leave behind for one chunk: kept until nothing uses it.
  struct LaneStates {
    std::vector<Buffer> results;    // by lane
    std::vector<bool> held;         // by lane: whether other lanes read the result
    std::vector<bool> held_inputs;  // by lane of the part before: likewise its state
    std::vector<std::vector<std::pair<Site, BufferSlice>>> kept;  // by lane: values for other lanes
    std::vector<std::unique_ptr<Buffer>> buffers;                 // behind them

    BufferSlice kept_value(int lane, Site site) const;
  };

  Means means_;
  TapCollector& collector_;
  BufferPool& pool_;
  StateFile* file_ = nullptr;
  int from_ = 0;
  LaneStates states_;
  std::vector<std::byte> row_bytes_;  // of one lane's state, on the host
};

}  // namespace tepui
