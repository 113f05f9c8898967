// SPDX-License-Identifier: MIT
#include "exec/executor.h"

#include <algorithm>

#include "exec/timed.h"
#include "exec/wave_state.h"

namespace tepui {

namespace {

// Prepared parts beyond these are forgotten: chunks of many shapes would gather without end.
constexpr std::size_t kPartsKept = 64;

}  // namespace

// What one call of run() works for.
struct Executor::Run {
  Sequences sequences;
  const SiteSelection& sites;
  RowSink& sink;  // the journal, where states are kept
  const OnProgress& on_progress;
  const StateRequest& states;
  const RowRequest& rows;
  const Schedule& schedule;
  const int layers;  // that are computed
  WaveState* kept;   // null: states are not kept
  std::int64_t done;
  std::int64_t total;
  // Before the collector, which waits for what uses them.
  BufferPool pool;
  TapCollector collector;
  LaneRunner lanes;
  bool spills;   // hidden states lie in the state file
  int side = 0;  // of the state file: where the states before the next part lie
  Timed::Clock::time_point synced = Timed::Clock::now();

  SiteWork work_at(int layer) const {
    return {sites.at_layer(layer), takes_rows() ? rows.sites.at_layer(layer) : std::vector<Site>()};
  }
  SiteWork work_at(Site site) const {  // without a layer
    const Point point{kNoLayer, site};
    SiteWork work;
    if (sites.contains(point)) work.measured.push_back(site);
    if (takes_rows() && rows.sites.contains(point)) work.streamed.push_back(site);
    return work;
  }
  bool takes_rows() const { return rows.consumer != nullptr; }
  void advance(std::int64_t rows_done) {
    done += rows_done;
    if (on_progress) on_progress(done, total);
  }
};

Executor::Executor(Backend& backend, const Model& model, ThreadPool& pool,
                   const ExecOptions& options, std::span<const std::unique_ptr<Metric>> metrics)
    : backend_(backend),
      model_(model),
      options_(options),
      weights_(backend, model, pool, options.weight_budget),
      parts_(backend, model.spec, metrics, options.massive),
      compares_(std::ranges::any_of(metrics, [](const auto& m) { return m->compares(); })) {}

Executor::~Executor() = default;

int Executor::wave_tokens() const {
  constexpr int kResident = 4096;
  constexpr int kStreamed = 16384;
  if (options_.wave_tokens > 0) return options_.wave_tokens;
  return weights_.all_fit() ? kResident : kStreamed;
}

// Runs that are under way go on meanwhile: what takes the place of weights comes behind them.
Status Executor::require(int layer, int next) {
  TEPUI_TRY(weights_.require(layer));
  if (options_.observer != nullptr) options_.observer->loaded(layer, weights_.loaded());
  return next == kNoLayer ? Status() : weights_.prefetch(next, layer);
}

Status Executor::embed(Run& run, Wave& wave) {
  const Timed timed(times_.layers);
  TEPUI_TRY(require(kNoLayer, run.layers > 0 ? 0 : kNoLayer));
  TEPUI_TRY(weights_.check_tables());
  const bool gathers = weights_.gathers_tokens();
  const SiteWork work = run.work_at(Site::embeddings);
  for (ChunkState& chunk : wave) {
    if (gathers) TEPUI_TRY(gather_tokens(backend_, weights_, chunk));
    const PartRun what{"embedding", kNoLayer, chunk.first_sequence, chunk.shape, work};
    TEPUI_TRY(run.lanes.run_part(chunk, run.schedule.embedding(), what,
                                 [&] { return lower_embedding(model_, chunk.shape, gathers); }));
    weights_.drop_tables();
    if (!gathers) continue;
    // What was gathered for all chunks of a wave could be more than the table.
    TEPUI_TRY(run.collector.drain());
    chunk.token_rows = Buffer();
  }
  return {};
}

Status Executor::choose_rows(Run& run, ChunkState& chunk) {
  const std::span<const int> counts = run.states.last_rows;
  if (!run.states.take || counts.empty() || run.spills) return {};
  TEPUI_TRY(chunk.last,
            choose_last_rows(backend_, model_.spec, run.schedule, run.work_at(run.layers - 1),
                             run.work_at(Site::final_norm), chunk.shape,
                             counts.subspan(static_cast<std::size_t>(chunk.first_sequence),
                                            chunk.shape.lengths.size())));
  return {};
}

Status Executor::compute_layer(Run& run, Wave& wave, int layer, int next) {
  const Timed timed(times_.layers);
  TEPUI_TRY(require(layer, next));
  const SiteWork work = run.work_at(layer);
  for (ChunkState& chunk : wave) {
    if (layer + 1 == run.layers) TEPUI_TRY(choose_rows(run, chunk));
    const PartRun what{"block", layer, chunk.first_sequence, chunk.shape, work};
    TEPUI_TRY(run.lanes.run_part(chunk, run.schedule.layer(layer), what, [&] {
      return chunk.last.there() ? lower_block(model_, layer, chunk.shape, chunk.last.shape)
                                : lower_block(model_, layer, chunk.shape);
    }));
    if (parts_.size() <= kPartsKept) continue;
    TEPUI_TRY(run.collector.drain());
    parts_.clear();
  }
  return {};
}

// The unedited run's state, and of the others so many at a time as fit.
Status Executor::hand_out(Run& run, ChunkState& chunk, const PartLanes& lanes) {
  TEPUI_TRY(run.collector.drain());
  const Timed timed(times_.head);
  const int width = model_.spec.dims.embedding_width;
  const auto state_of = [&](int branch) -> Result<BufferSlice> {
    const int lane = lanes.lane_of(branch);
    Buffer& buffer = chunk.hidden[static_cast<std::size_t>(lane)];
    if (buffer.storage == nullptr)
      TEPUI_TRY(run.lanes.load(chunk, run.kept->states(), 1 - run.side, lane, width));
    return BufferSlice::whole(buffer);
  };
  const int others = run.schedule.branches - 1;
  const int at_once = options_.head_branches > 0 ? options_.head_branches : std::max(1, others);
  for (int first = 1; first == 1 || first <= others; first += at_once) {
    ChunkResult result;
    result.first_sequence = chunk.first_sequence;
    result.shape = chunk.last.there() ? &chunk.last.shape : &chunk.shape;
    result.first_branch = first;
    TEPUI_TRY(result.final_norm, state_of(0));
    result.branches.push_back(result.final_norm);
    const int end = std::min(first + at_once, others + 1);
    for (int branch = first; branch < end; ++branch) {
      TEPUI_TRY(const BufferSlice state, state_of(branch));
      result.branches.push_back(state);
    }
    TEPUI_TRY(run.states.take(result));
    if (!run.spills) continue;
    for (std::size_t lane = 1; lane < chunk.hidden.size(); ++lane)
      run.pool.give_back(std::move(chunk.hidden[lane]), {});
  }
  return {};
}

Status Executor::finish(Run& run, Wave& wave) {
  const SiteWork work = run.work_at(Site::final_norm);
  if (work.empty() && !run.states.take) return {};
  const PartLanes& lanes = run.schedule.final_norm();
  // Its own weights stay; the head may need the room.
  if (!weights_.all_fit()) {
    TEPUI_TRY(run.collector.drain());
    weights_.release_layers();
  }
  TEPUI_TRY(require(kNoLayer, kNoLayer));
  for (ChunkState& chunk : wave) {
    const ChunkShape& shape = chunk.last.there() ? chunk.last.shape : chunk.shape;
    const PartRun what{"final norm", kNoLayer, chunk.first_sequence, shape, work};
    TEPUI_TRY(
        run.lanes.run_part(chunk, lanes, what, [&] { return lower_final_norm(model_, shape); }));
    if (run.states.take) TEPUI_TRY(hand_out(run, chunk, lanes));
    if (run.spills)
      for (Buffer& buffer : chunk.hidden) run.pool.give_back(std::move(buffer), {});
  }
  return {};
}

Status Executor::keep_states(Run& run, Wave& wave, SequenceRange unit, int part) {
  if (run.kept == nullptr) return {};
  if (!run.spills && Timed::since(run.synced) < options_.sync_seconds) return {};
  // A file holds states of all rows; behind the last layer there is little left to lose.
  if (std::ranges::any_of(wave, [](const ChunkState& chunk) { return chunk.last.there(); }))
    return {};
  const Timed timed(times_.states);
  const int written = 1 - run.side;
  TEPUI_TRY(run.collector.drain());
  for (ChunkState& chunk : wave)
    if (!run.spills) TEPUI_TRY(run.lanes.save(chunk, run.kept->states(), written));
  TEPUI_TRY(run.kept->commit(unit, part + 1, written));
  run.side = written;
  run.synced = Timed::Clock::now();
  return {};
}

Result<int> Executor::resume(Run& run, Wave& wave) {
  const WaveState::Progress found = *run.kept->found();
  TEPUI_TRY(run.kept->journal().replay(found.row_bytes));
  run.side = found.side;
  const auto next = static_cast<std::size_t>(found.next_part);
  const std::size_t lanes = run.schedule.parts[next - 1].lanes.size();
  for (ChunkState& chunk : wave) {
    chunk.hidden.resize(lanes);
    for (std::size_t lane = 0; lane < lanes && !run.spills; ++lane)
      TEPUI_TRY(run.lanes.load(chunk, run.kept->states(), run.side, static_cast<int>(lane),
                               model_.spec.dims.width));
    for (std::size_t part = 1; part < next; ++part)
      run.advance(std::int64_t{chunk.shape.rows()} *
                  static_cast<std::int64_t>(run.schedule.parts[part].lanes.size()));
  }
  return found.next_part;
}

Status Executor::compute_unit(Run& run, Wave& wave, SequenceRange unit, bool last) {
  TEPUI_TRY(run.sink.begin_unit(unit.first, unit.second));
  if (run.takes_rows()) TEPUI_TRY(run.rows.consumer->begin_unit(unit.first, unit.second));
  int part = 0;
  if (run.kept != nullptr) {
    std::int64_t rows = 0;
    for (const ChunkState& chunk : wave) rows += chunk.shape.rows();
    const Dims& dims = model_.spec.dims;
    const auto width = static_cast<std::size_t>(std::max(dims.width, dims.embedding_width));
    TEPUI_TRY(run.kept->begin(rows, width * sizeof(float)));
    if (run.kept->found() && run.kept->found()->unit == unit) {
      TEPUI_TRY(part, resume(run, wave));
    }
    run.synced = Timed::Clock::now();
  }
  const int layers = run.layers;
  for (; part <= layers; ++part) {
    run.lanes.spill(run.spills ? &run.kept->states() : nullptr, run.side);
    const int layer = part - 1;
    const int next = part < layers ? part : last || layers == 0 ? kNoLayer : 0;
    if (part == 0)
      TEPUI_TRY(embed(run, wave));
    else
      TEPUI_TRY(
          compute_layer(run, wave, layer, run.states.take && part == layers ? kNoLayer : next));
    TEPUI_TRY(keep_states(run, wave, unit, part));
  }
  run.lanes.spill(run.spills ? &run.kept->states() : nullptr, run.side);
  TEPUI_TRY(finish(run, wave));
  return run.collector.drain();
}

int Executor::layers_of(const SiteSelection& sites, const RowRequest& rows,
                        const StateRequest& states) const {
  const int all = model_.spec.dims.layers;
  const bool streams = rows.consumer != nullptr;
  if (states.take || (sites.points().empty() && !streams)) return all;
  return std::max(sites.layers_needed(all), streams ? rows.sites.layers_needed(all) : 0);
}

Status Executor::run_unit(Run& run, SequenceRange unit, bool last) {
  TEPUI_TRY(Wave wave,
            load_wave(backend_, model_.spec, run.sequences, unit, options_.chunk_tokens));
  const Status status = compute_unit(run, wave, unit, last);
  run.collector.give_up();  // after an error; the device works on this wave no longer
  run.lanes.forget();
  run.pool.clear();
  TEPUI_TRY(status);
  if (run.takes_rows()) TEPUI_TRY(run.rows.consumer->end_unit());
  TEPUI_TRY(run.sink.end_unit());
  if (run.kept != nullptr) run.kept->forget();
  return {};
}

Status Executor::run_units(Run& run, std::span<const SequenceRange> pending) {
  const auto always = [](std::size_t, std::size_t) { return true; };
  std::vector<SequenceRange> units;
  for (SequenceRange range : pending) {
    // A unit that was begun is gone on with as it was cut then.
    if (run.kept != nullptr && run.kept->found() && run.kept->found()->unit.first == range.first &&
        run.kept->found()->unit.second <= range.second) {
      units.push_back(run.kept->found()->unit);
      range.first = run.kept->found()->unit.second;
    }
    for (const SequenceRange& unit : cut(run.sequences, range, wave_tokens(), always))
      units.push_back(unit);
  }
  for (std::size_t i = 0; i < units.size(); ++i)
    TEPUI_TRY(run_unit(run, units[i], i + 1 == units.size()));
  if (run.kept != nullptr) run.kept->remove();
  return {};
}

Status Executor::run(Sequences sequences, std::span<const SequenceRange> pending,
                     const SiteSelection& sites, RowSink& sink, const OnProgress& on_progress,
                     const StateRequest& states, const RowRequest& rows, const Schedule* schedule) {
  TEPUI_TRY(const Schedule unedited, make_schedule({}, model_.spec.dims.layers));
  if (schedule == nullptr) schedule = &unedited;
  times_ = {};
  const double waited = weights_.seconds_waited();
  const std::uint64_t read = weights_.bytes_read();
  const Timed timed(times_.total);
  std::unique_ptr<WaveState> kept;
  if (!options_.state_folder.empty() && rows.consumer == nullptr) {
    TEPUI_TRY(kept,
              WaveState::open(options_.state_folder,
                              state_identity(options_.state_identity, sequences, sites, *schedule),
                              sink));
  }
  const int layers = layers_of(sites, rows, states);
  std::int64_t total = 0;
  for (const auto& [first, last] : pending) {
    for (int i = first; i < last; ++i)
      total += static_cast<std::int64_t>(sequences[static_cast<std::size_t>(i)].size()) *
               schedule->block_runs(layers);
  }
  RowSink& rows_to = kept ? kept->journal() : sink;
  Run* current = nullptr;
  const auto on_collected = [&](const IssuedRun& collected) {
    if (collected.layer != kNoLayer) current->advance(collected.shape->rows());
  };
  Run run{sequences,
          sites,
          rows_to,
          on_progress,
          states,
          rows,
          *schedule,
          layers,
          kept.get(),
          0,
          total,
          BufferPool(backend_),
          {backend_, rows_to, rows.consumer, on_collected},
          {{backend_, model_, weights_, parts_, options_.observer, compares_, rows.branch},
           run.collector,
           run.pool},
          options_.spill && kept != nullptr};
  current = &run;
  weights_.before_release([&run] { return run.collector.drain(); });
  const Status status = run_units(run, pending);
  weights_.before_release(nullptr);
  times_.rows = run.collector.seconds_handing_out();
  most_tap_bytes_ = run.collector.most_bytes();
  times_.weights = weights_.seconds_waited() - waited;
  times_.bytes_read = weights_.bytes_read() - read;
  return status;
}

}  // namespace tepui
