// SPDX-License-Identifier: MIT
#include "exec/executor.h"

#include <algorithm>

#include "base/assert.h"
#include "exec/buffer_pool.h"
#include "exec/tap_collector.h"

namespace tepui {

// What the lanes of a part leave behind for one chunk: kept until nothing uses it.
struct Executor::LaneStates {
  std::vector<Buffer> results;                                  // by lane
  std::vector<std::vector<std::pair<Site, BufferSlice>>> kept;  // by lane: values for other lanes
  std::vector<std::unique_ptr<Buffer>> buffers;                 // behind them

  BufferSlice kept_value(int lane, Site site) const {
    const auto& sites = kept[static_cast<std::size_t>(lane)];
    const auto found = std::ranges::find(sites, site, &std::pair<Site, BufferSlice>::first);
    TEPUI_ASSERT(found != sites.end());
    return found->second;
  }
};

// What one call of run() works for.
struct Executor::Run {
  Sequences sequences;
  const SiteSelection& sites;
  RowSink& sink;
  const OnChunk& on_chunk;
  const RowRequest& rows;
  const Schedule& schedule;
  // Before the collector, which waits for what uses them.
  BufferPool pool;
  LaneStates states;
  TapCollector collector;

  SiteWork work_at(int layer) const;
  SiteWork work_at(Site site) const;  // without a layer
  bool takes_rows() const { return rows.consumer != nullptr; }
};

namespace {

// Prepared parts beyond these are forgotten between waves: sequences of many lengths would gather
// without end.
constexpr std::size_t kPartsKept = 64;

}  // namespace

Executor::Executor(Backend& backend, const Model& model, ThreadPool& pool,
                   const ExecOptions& options, std::span<const std::unique_ptr<Metric>> metrics)
    : backend_(backend),
      model_(model),
      options_(options),
      weights_(backend, model, pool, options.weight_budget),
      parts_(backend, model.spec, metrics, options.massive),
      compares_(std::ranges::any_of(metrics, [](const auto& m) { return m->compares(); })) {}

Executor::~Executor() = default;

SiteWork Executor::work_of_lane(const Run& run, const PartLanes& lanes, int index,
                                const SiteWork& work) const {
  SiteWork own;
  own.measured = work.measured;
  own.kept = lanes.lanes[static_cast<std::size_t>(index)].kept;
  const bool compared = compares_ && lanes.lanes.size() > 1;
  if (lanes.lane_of(run.rows.branch) == index) own.streamed = work.streamed;
  if (index > 0) {
    own.compared = compared;
    return own;
  }
  for (const Site site : work.measured) {
    if (compared && std::ranges::find(own.kept, site) == own.kept.end()) own.kept.push_back(site);
  }
  return own;
}

Status Executor::bind_states(Run& run, ChunkState& chunk, const Lane& lane, int index,
                             const Part& part, Bindings& bindings, std::vector<Ticket>& after) {
  const Lowered& lowered = part.tapped.lowered;
  if (lowered.hidden.present()) {
    const Buffer& hidden = chunk.hidden[static_cast<std::size_t>(lane.parent)];
    bindings[lowered.hidden.id] = BufferSlice::whole(hidden);
  }
  const auto bytes_of = [&](Value value) {
    return backend_.storage_bytes(lowered.program.info(value).type);
  };
  Buffer& result = run.states.results[static_cast<std::size_t>(index)];
  TEPUI_TRY(result, run.pool.take(bytes_of(lowered.result), after));
  bindings[lowered.result.id] = BufferSlice::whole(result);
  for (const auto& [site, value] : part.tapped.kept) {
    // Where a tap brings it back as well, it lies among the part's outputs.
    if (bindings[value.id].buffer == nullptr) {
      TEPUI_TRY(Buffer buffer, run.pool.take(bytes_of(value), after));
      run.states.buffers.push_back(std::make_unique<Buffer>(std::move(buffer)));
      bindings[value.id] = BufferSlice::whole(*run.states.buffers.back());
    }
    run.states.kept[static_cast<std::size_t>(index)].emplace_back(site, bindings[value.id]);
  }
  for (const auto& [site, value] : part.tapped.unedited)
    bindings[value.id] = run.states.kept_value(0, site);
  return {};
}

Status Executor::bind_edits(const Run& run, ChunkState& chunk, const Lane& lane, const Part& part,
                            Bindings& bindings, std::vector<Ticket>& after) {
  for (const EditInput& input : part.edit_inputs) {
    const LaneEdit& own = lane.edits[input.edit];
    if (input.kind == EditInput::Kind::marks) {
      TEPUI_TRY(const ChunkState::Marks* const marks,
                marks_of(backend_, chunk, row_marks(*own.edit, chunk.shape, chunk.tokens)));
      bindings[input.value.id] = BufferSlice::whole(marks->buffer);
      after.push_back(marks->upload);
      continue;
    }
    const int source = input.kind == EditInput::Kind::patch ? own.patch : own.selection;
    bindings[input.value.id] = run.states.kept_value(source, own.edit->point.site);
  }
  return {};
}

Status Executor::compute(Run& run, ChunkState& chunk, const PartLanes& lanes, int index,
                         const PartRun& what, const std::function<Result<Lowered>()>& lower) {
  const Lane& lane = lanes.lanes[static_cast<std::size_t>(index)];
  // Layers of a kind share their parts.
  std::string name(what.part);
  if (what.layer != kNoLayer) name.append(" ").append(layer_kind(model_.spec, what.layer));
  TEPUI_TRY(Part* const found,
            parts_.get(name, chunk.shape, chunk.first_sequence, lane.edits, what.work, lower));
  Part& part = *found;
  TEPUI_TRY(run.collector.make_room());
  const Lowered& lowered = part.tapped.lowered;
  Bindings bindings(lowered.program.values.size());
  const auto bind = [&](Value value, const Buffer& buffer) {
    if (value.present()) bindings[value.id] = BufferSlice::whole(buffer);
  };
  bind(lowered.ids, chunk.ids);
  bind(lowered.positions, chunk.positions);
  bind(lowered.offsets, chunk.offsets);
  for (const auto& [table, value] : lowered.tables) bind(value, chunk.tables.at(table));
  for (const auto& [role, value] : lowered.weights)
    bindings[value.id] = role == WeightRole::token_embedding && weights_.gathers_tokens()
                             ? BufferSlice::whole(chunk.token_rows)
                             : weights_.slice(what.layer, role);
  std::vector<Ticket> after = part.uploads;
  after.insert(after.end(), chunk.before.begin(), chunk.before.end());
  TEPUI_TRY(const Buffer* const outputs, bind_taps(backend_, part, bindings));
  TEPUI_TRY(bind_states(run, chunk, lane, index, part, bindings, after));
  TEPUI_TRY(bind_edits(run, chunk, lane, part, bindings, after));
  if (options_.observer != nullptr) options_.observer->before(what);
  const Ticket ticket = backend_.run(*part.prepared, bindings, after);
  const IssuedRun issued{&part,   what.layer, chunk.first_sequence, &chunk.shape,
                         outputs, ticket,     lane.branches};
  chunk.before = run.collector.add(issued, bindings);
  if (options_.observer != nullptr) options_.observer->after(what, part.host_bytes);
  return {};
}

Status Executor::compute_lanes(Run& run, ChunkState& chunk, const PartLanes& lanes,
                               const PartRun& what, const std::function<Result<Lowered>()>& lower) {
  LaneStates& states = run.states;
  states.results.resize(lanes.lanes.size());
  states.kept.assign(lanes.lanes.size(), {});
  for (const int index : lanes.order) {
    const SiteWork work = work_of_lane(run, lanes, index, what.work);
    const PartRun own{what.part, what.layer, what.first_sequence, what.shape, work};
    TEPUI_TRY(compute(run, chunk, lanes, index, own, lower));
  }
  for (Buffer& buffer : chunk.hidden) run.pool.give_back(std::move(buffer), chunk.before);
  for (const auto& buffer : states.buffers) run.pool.give_back(std::move(*buffer), chunk.before);
  states.buffers.clear();
  chunk.hidden = std::move(states.results);
  states.results.clear();
  return {};
}

int Executor::wave_tokens() const {
  constexpr int kResident = 4096;
  constexpr int kStreamed = 16384;
  if (options_.wave_tokens > 0) return options_.wave_tokens;
  return weights_.all_fit() ? kResident : kStreamed;
}

SiteWork Executor::Run::work_at(int layer) const {
  return {sites.at_layer(layer), takes_rows() ? rows.sites.at_layer(layer) : std::vector<Site>()};
}

SiteWork Executor::Run::work_at(Site site) const {
  const Point point{kNoLayer, site};
  SiteWork work;
  if (sites.contains(point)) work.measured.push_back(site);
  if (takes_rows() && rows.sites.contains(point)) work.streamed.push_back(site);
  return work;
}

// Weights that must be loaded push others out, which runs that are under way may read.
Status Executor::require(Run& run, int layer) {
  if (!weights_.resident(layer)) TEPUI_TRY(run.collector.drain());
  return weights_.require(layer);
}

Status Executor::embed(Run& run, Wave& wave) {
  TEPUI_TRY(require(run, kNoLayer));
  const bool gathers = weights_.gathers_tokens();
  const SiteWork work = run.work_at(Site::embeddings);
  for (ChunkState& chunk : wave) {
    if (gathers) TEPUI_TRY(gather_tokens(backend_, weights_, chunk));
    const PartRun what{"embedding", kNoLayer, chunk.first_sequence, chunk.shape, work};
    TEPUI_TRY(compute_lanes(run, chunk, run.schedule.embedding(), what,
                            [&] { return lower_embedding(model_, chunk.shape, gathers); }));
  }
  return {};
}

Status Executor::compute_layer(Run& run, Wave& wave, int layer) {
  TEPUI_TRY(require(run, layer));
  const SiteWork work = run.work_at(layer);
  for (ChunkState& chunk : wave) {
    const PartRun what{"block", layer, chunk.first_sequence, chunk.shape, work};
    TEPUI_TRY(compute_lanes(run, chunk, run.schedule.layer(layer), what,
                            [&] { return lower_block(model_, layer, chunk.shape); }));
  }
  return {};
}

Status Executor::finish(Run& run, Wave& wave) {
  const SiteWork work = run.work_at(Site::final_norm);
  if (work.empty() && !run.on_chunk) return {};
  const PartLanes& lanes = run.schedule.final_norm();
  for (ChunkState& chunk : wave) {
    const PartRun what{"final norm", kNoLayer, chunk.first_sequence, chunk.shape, work};
    TEPUI_TRY(compute_lanes(run, chunk, lanes, what,
                            [&] { return lower_final_norm(model_, chunk.shape); }));
    if (!run.on_chunk) continue;
    TEPUI_TRY(run.collector.drain());
    ChunkResult result;
    result.first_sequence = chunk.first_sequence;
    result.shape = &chunk.shape;
    for (int branch = 0; branch < run.schedule.branches; ++branch) {
      const auto lane = static_cast<std::size_t>(lanes.lane_of(branch));
      result.branches.push_back(BufferSlice::whole(chunk.hidden[lane]));
    }
    result.final_norm = result.branches.front();
    TEPUI_TRY(run.on_chunk(result));
  }
  return {};
}

Status Executor::run_unit(Run& run, SequenceRange unit) {
  TEPUI_TRY(Wave wave,
            load_wave(backend_, model_.spec, run.sequences, unit, options_.chunk_tokens));
  const auto compute_unit = [&]() -> Status {
    TEPUI_TRY(run.sink.begin_unit(unit.first, unit.second));
    if (run.takes_rows()) TEPUI_TRY(run.rows.consumer->begin_unit(unit.first, unit.second));
    TEPUI_TRY(embed(run, wave));
    for (int layer = 0; layer < model_.spec.dims.layers; ++layer)
      TEPUI_TRY(compute_layer(run, wave, layer));
    TEPUI_TRY(finish(run, wave));
    return run.collector.drain();
  };
  const Status status = compute_unit();
  run.collector.give_up();  // after an error; the device works on this wave no longer
  run.states = {};
  run.pool.clear();
  TEPUI_TRY(status);
  if (run.takes_rows()) TEPUI_TRY(run.rows.consumer->end_unit());
  return run.sink.end_unit();
}

Status Executor::run(Sequences sequences, std::span<const SequenceRange> pending,
                     const SiteSelection& sites, RowSink& sink, const OnProgress& on_progress,
                     const OnChunk& on_chunk, const RowRequest& rows, const Schedule* schedule) {
  const int layers = model_.spec.dims.layers;
  TEPUI_TRY(const Schedule unedited, make_schedule({}, layers));
  if (schedule == nullptr) schedule = &unedited;
  std::int64_t done = 0;
  std::int64_t total = 0;
  for (const auto& [first, last] : pending) {
    for (int i = first; i < last; ++i)
      total += static_cast<std::int64_t>(sequences[static_cast<std::size_t>(i)].size()) *
               schedule->block_runs();
  }
  const auto on_collected = [&](const IssuedRun& collected) {
    if (collected.layer == kNoLayer) return;
    done += collected.shape->rows();
    if (on_progress) on_progress(done, total);
  };
  Run run{sequences,
          sites,
          sink,
          on_chunk,
          rows,
          *schedule,
          BufferPool(backend_),
          {},
          {backend_, sink, rows.consumer, on_collected}};
  const auto always = [](std::size_t, std::size_t) { return true; };
  for (const SequenceRange& range : pending) {
    for (const SequenceRange& unit : cut(sequences, range, wave_tokens(), always)) {
      const Status status = run_unit(run, unit);
      most_tap_bytes_ = run.collector.most_bytes();
      TEPUI_TRY(status);
      if (parts_.size() > kPartsKept) parts_.clear();
    }
  }
  return {};
}

}  // namespace tepui
