// SPDX-License-Identifier: MIT
#include "exec/executor.h"

#include <algorithm>
#include <map>

#include "exec/tap_collector.h"
#include "models/rope_table.h"
#include "models/tables.h"

namespace tepui {

struct Executor::ChunkState {
  int first_sequence = 0;
  ChunkShape shape;
  Buffer ids;
  Buffer positions;
  Buffer offsets;
  std::map<Table, Buffer> tables;
  Buffer hidden;  // [R, D], the state before the part that runs next
  Buffer next;    // [R, D], where that part writes; the final norm [R, embedding_width]
  std::vector<Ticket> before;  // the last part's run, and the downloads from this chunk's buffers

  // The buffer's first rows of this width.
  BufferSlice rows(const Buffer& buffer, int width) const {
    return {
        &buffer, 0,
        static_cast<std::size_t>(shape.rows()) * static_cast<std::size_t>(width) * sizeof(float)};
  }
};

// What one call of run() works for.
struct Executor::Run {
  Sequences sequences;
  const SiteSelection& sites;
  RowSink& sink;
  const OnChunk& on_chunk;
  const RowRequest& rows;
  TapCollector collector;

  SiteWork work_at(int layer) const;
  SiteWork work_at(Site site) const;  // without a layer
  bool takes_rows() const { return rows.consumer != nullptr; }
};

namespace {

// Prepared parts beyond these are forgotten between waves: sequences of many lengths would gather
// without end.
constexpr std::size_t kPartsKept = 64;

template <class T>
Result<Buffer> uploaded(Backend& backend, std::span<const T> data) {
  TEPUI_TRY(Buffer buffer,
            backend.allocate(std::max<std::size_t>(data.size_bytes(), 1), Memory::device));
  const BufferSlice to{&buffer, 0, data.size_bytes()};
  TEPUI_TRY(backend.wait(backend.upload(to, std::as_bytes(data), {})));
  return buffer;
}

// Cuts a range of sequences into runs of at most `tokens` rows, but at least one sequence each;
// `together` says whether two sequences may share a run.
std::vector<SequenceRange> cut(Sequences sequences, SequenceRange range, int tokens,
                               const std::function<bool(std::size_t, std::size_t)>& together) {
  std::vector<SequenceRange> runs;
  std::size_t rows = 0;
  for (int i = range.first; i < range.second; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const std::size_t length = sequences[index].size();
    const bool full = rows + length > static_cast<std::size_t>(tokens);
    if (runs.empty() || full || !together(index - 1, index)) {
      runs.emplace_back(i, i);
      rows = 0;
    }
    runs.back().second = i + 1;
    rows += length;
  }
  return runs;
}

}  // namespace

Executor::Executor(Backend& backend, const Model& model, ThreadPool& pool,
                   const ExecOptions& options, std::span<const std::unique_ptr<Metric>> metrics)
    : backend_(backend),
      model_(model),
      options_(options),
      weights_(backend, model, pool, options.weight_budget),
      parts_(backend, model.spec, metrics) {}

Executor::~Executor() = default;

Result<Executor::ChunkState> Executor::load_chunk(Sequences sequences, SequenceRange range) {
  ChunkState chunk;
  chunk.first_sequence = range.first;
  std::vector<std::int32_t> ids;
  for (int i = range.first; i < range.second; ++i) {
    const auto& sequence = sequences[static_cast<std::size_t>(i)];
    ids.insert(ids.end(), sequence.begin(), sequence.end());
    chunk.shape.lengths.push_back(static_cast<int>(sequence.size()));
  }
  const Dims& dims = model_.spec.dims;
  TEPUI_TRY(chunk.ids, uploaded<std::int32_t>(backend_, ids));
  TEPUI_TRY(chunk.positions, uploaded<std::int32_t>(backend_, chunk.shape.positions()));
  TEPUI_TRY(chunk.offsets, uploaded<std::int32_t>(backend_, chunk.shape.offsets()));
  const int longest = chunk.shape.longest();
  for (const Table table : tables_of(model_.spec)) {
    const std::vector<float> values = table_values(model_.spec, table, longest, longest);
    TEPUI_TRY(chunk.tables[table], uploaded<float>(backend_, values));
  }
  // Room for the widest that a part gives: the head's input may be wider than the blocks.
  const auto widest = static_cast<std::size_t>(std::max(dims.width, dims.embedding_width));
  const std::size_t bytes = ids.size() * widest * sizeof(float);
  TEPUI_TRY(chunk.hidden, backend_.allocate(bytes, Memory::device));
  TEPUI_TRY(chunk.next, backend_.allocate(bytes, Memory::device));
  return chunk;
}

Result<Executor::Wave> Executor::load_wave(Sequences sequences, SequenceRange range) {
  // Sequences whose rotary frequencies differ cannot share a table, and so no chunk.
  const auto together = [&](std::size_t a, std::size_t b) {
    return length_classes(model_.spec, static_cast<int>(sequences[a].size())) ==
           length_classes(model_.spec, static_cast<int>(sequences[b].size()));
  };
  Wave wave;
  for (const SequenceRange& run : cut(sequences, range, options_.chunk_tokens, together)) {
    TEPUI_TRY(ChunkState chunk, load_chunk(sequences, run));
    wave.push_back(std::move(chunk));
  }
  return wave;
}

Status Executor::compute(Run& run, ChunkState& chunk, const PartRun& what, BufferSlice result,
                         const std::function<Result<Lowered>()>& lower) {
  // Layers of a kind share their parts.
  std::string name(what.part);
  if (what.layer != kNoLayer) name += " " + layer_kind(model_.spec, what.layer);
  TEPUI_TRY(Part* const found,
            parts_.get(name, chunk.shape, chunk.first_sequence, what.work, lower));
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
  if (lowered.hidden.present())
    bindings[lowered.hidden.id] = chunk.rows(chunk.hidden, model_.spec.dims.width);
  bindings[lowered.result.id] = result;
  for (const auto& [role, value] : lowered.weights)
    bindings[value.id] = weights_.slice(what.layer, role);
  TEPUI_TRY(const Buffer* const outputs, bind_taps(backend_, part, bindings));
  std::vector<Ticket> after = part.uploads;
  after.insert(after.end(), chunk.before.begin(), chunk.before.end());
  if (options_.observer != nullptr) options_.observer->before(what);
  const Ticket ticket = backend_.run(*part.prepared, bindings, after);
  chunk.before = run.collector.add(
      {&part, what.layer, chunk.first_sequence, &chunk.shape, outputs, ticket}, bindings);
  if (options_.observer != nullptr) options_.observer->after(what);
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
  const int width = model_.spec.dims.width;
  const SiteWork work = run.work_at(Site::embeddings);
  for (ChunkState& chunk : wave) {
    const PartRun what{"embedding", kNoLayer, chunk.first_sequence, chunk.shape, work};
    TEPUI_TRY(compute(run, chunk, what, chunk.rows(chunk.hidden, width),
                      [&] { return lower_embedding(model_, chunk.shape); }));
  }
  return {};
}

Status Executor::compute_layer(Run& run, Wave& wave, int layer) {
  TEPUI_TRY(require(run, layer));
  const int width = model_.spec.dims.width;
  const SiteWork work = run.work_at(layer);
  for (ChunkState& chunk : wave) {
    const PartRun what{"block", layer, chunk.first_sequence, chunk.shape, work};
    TEPUI_TRY(compute(run, chunk, what, chunk.rows(chunk.next, width),
                      [&] { return lower_block(model_, layer, chunk.shape); }));
    std::swap(chunk.hidden, chunk.next);
  }
  return {};
}

Status Executor::finish(Run& run, Wave& wave) {
  const SiteWork work = run.work_at(Site::final_norm);
  if (work.empty() && !run.on_chunk) return {};
  const Dims& dims = model_.spec.dims;
  for (ChunkState& chunk : wave) {
    const BufferSlice head_input = chunk.rows(chunk.next, dims.embedding_width);
    const PartRun what{"final norm", kNoLayer, chunk.first_sequence, chunk.shape, work};
    TEPUI_TRY(compute(run, chunk, what, head_input,
                      [&] { return lower_final_norm(model_, chunk.shape); }));
    if (!run.on_chunk) continue;
    TEPUI_TRY(run.collector.drain());
    TEPUI_TRY(run.on_chunk(
        {chunk.first_sequence, &chunk.shape, chunk.rows(chunk.hidden, dims.width), head_input}));
  }
  return {};
}

Status Executor::run_unit(Run& run, SequenceRange unit) {
  TEPUI_TRY(Wave wave, load_wave(run.sequences, unit));
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
  TEPUI_TRY(status);
  if (run.takes_rows()) TEPUI_TRY(run.rows.consumer->end_unit());
  return run.sink.end_unit();
}

Status Executor::run(Sequences sequences, std::span<const SequenceRange> pending,
                     const SiteSelection& sites, RowSink& sink, const OnProgress& on_progress,
                     const OnChunk& on_chunk, const RowRequest& rows) {
  std::int64_t done = 0;
  std::int64_t total = 0;
  for (const auto& [first, last] : pending) {
    for (int i = first; i < last; ++i)
      total += static_cast<std::int64_t>(sequences[static_cast<std::size_t>(i)].size()) *
               model_.spec.dims.layers;
  }
  const auto on_collected = [&](const IssuedRun& collected) {
    if (collected.layer == kNoLayer) return;
    done += collected.shape->rows();
    if (on_progress) on_progress(done, total);
  };
  Run run{sequences, sites, sink, on_chunk, rows, {backend_, sink, rows.consumer, on_collected}};
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

Status check_sequence(std::span<const TokenId> ids, const Model& model) {
  const int longest = longest_context(model.spec.dims);
  const int vocabulary = model.spec.dims.vocabulary;
  if (ids.empty()) return fail(ErrorKind::data, "expected at least one token, found none");
  if (ids.size() > static_cast<std::size_t>(longest))
    return fail(ErrorKind::data, "expected at most {} tokens, the context of {}, found {}", longest,
                model.path, ids.size());
  const auto bad =
      std::ranges::find_if(ids, [&](TokenId id) { return id < 0 || id >= vocabulary; });
  if (bad != ids.end())
    return fail(ErrorKind::data,
                "position {}: expected a token id below {}, the vocabulary of {}, found {}",
                bad - ids.begin(), vocabulary, model.path, *bad);
  return {};
}

Status check_sequences(Sequences sequences, const Model& model) {
  if (sequences.empty())
    return fail(ErrorKind::data, "there is no sequence to run: expected at least one");
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const Status valid = check_sequence(sequences[i], model);
    if (!valid) return fail(valid.error().kind, "sequence {}: {}", i, valid.error().message);
  }
  return {};
}

}  // namespace tepui
