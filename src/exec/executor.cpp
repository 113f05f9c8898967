// SPDX-License-Identifier: MIT
#include "exec/executor.h"

#include <algorithm>

#include "models/rope_table.h"

namespace tepui {

struct Executor::ChunkState {
  int first_sequence = 0;
  ChunkShape shape;
  Buffer ids;
  Buffer positions;
  Buffer offsets;
  Buffer rope_table;
  Buffer hidden;  // [R, D], the state before the part that runs next
  Buffer next;    // [R, D], where that part writes
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
  if (model_.spec.arch->positions == PositionKind::rotary) {
    const int longest = chunk.shape.longest();
    TEPUI_TRY(chunk.rope_table, uploaded<float>(backend_, rope_table(dims.rope, longest, longest)));
  }
  const std::size_t bytes = ids.size() * static_cast<std::size_t>(dims.width) * sizeof(float);
  TEPUI_TRY(chunk.hidden, backend_.allocate(bytes, Memory::device));
  TEPUI_TRY(chunk.next, backend_.allocate(bytes, Memory::device));
  return chunk;
}

Result<Executor::Wave> Executor::load_wave(Sequences sequences, SequenceRange range) {
  // Sequences whose rotary frequencies differ cannot share a table, and so no chunk.
  const auto together = [&](std::size_t a, std::size_t b) {
    const RopeSpec& rope = model_.spec.dims.rope;
    return rope_length_class(rope, static_cast<int>(sequences[a].size())) ==
           rope_length_class(rope, static_cast<int>(sequences[b].size()));
  };
  Wave wave;
  for (const SequenceRange& run : cut(sequences, range, options_.chunk_tokens, together)) {
    TEPUI_TRY(ChunkState chunk, load_chunk(sequences, run));
    wave.push_back(std::move(chunk));
  }
  return wave;
}

Status Executor::compute(ChunkState& chunk, Part& part, int layer, std::span<const Site> sites,
                         BufferSlice result, RowSink& sink) {
  const Lowered& lowered = part.tapped.lowered;
  Bindings bindings(lowered.program.values.size());
  const auto bind = [&](Value value, const Buffer& buffer) {
    if (value.present()) bindings[value.id] = BufferSlice::whole(buffer);
  };
  bind(lowered.ids, chunk.ids);
  bind(lowered.positions, chunk.positions);
  bind(lowered.offsets, chunk.offsets);
  bind(lowered.rope_table, chunk.rope_table);
  bind(lowered.hidden, chunk.hidden);
  bindings[lowered.result.id] = result;
  for (const auto& [role, value] : lowered.weights)
    bindings[value.id] = weights_.slice(layer, role);
  for (std::size_t i = 0; i < part.constants.size(); ++i)
    bind(part.tapped.constants[i].value, part.constants[i]);
  for (std::size_t i = 0; i < part.tap_buffers.size(); ++i) {
    for (std::size_t j = 0; j < part.tap_buffers[i].size(); ++j)
      bind(part.tapped.outputs[i].values[j], part.tap_buffers[i][j]);
  }
  const Ticket done = backend_.run(*part.prepared, bindings, {});
  TEPUI_TRY(backend_.wait(done));
  return collect_taps(backend_, part, layer, chunk.first_sequence, chunk.shape, sites, {&done, 1},
                      sink);
}

int Executor::wave_tokens() const {
  constexpr int kResident = 4096;
  constexpr int kStreamed = 16384;
  if (options_.wave_tokens > 0) return options_.wave_tokens;
  return weights_.all_fit() ? kResident : kStreamed;
}

void Executor::report(const Wave& wave) {
  for (const ChunkState& chunk : wave) done_ += chunk.shape.rows();
  if (*on_progress_) (*on_progress_)(done_, total_);
}

Status Executor::embed(Wave& wave, const SiteSelection& sites, RowSink& sink) {
  TEPUI_TRY(weights_.require(kNoLayer));
  std::vector<Site> wanted;
  if (sites.contains({kNoLayer, Site::embeddings})) wanted.push_back(Site::embeddings);
  for (ChunkState& chunk : wave) {
    TEPUI_TRY(Part* const part, parts_.get("embedding", chunk.shape, chunk.first_sequence, wanted,
                                           [&] { return lower_embedding(model_, chunk.shape); }));
    TEPUI_TRY(compute(chunk, *part, kNoLayer, wanted, BufferSlice::whole(chunk.hidden), sink));
  }
  return {};
}

Status Executor::compute_layer(Wave& wave, int layer, const SiteSelection& sites, RowSink& sink) {
  TEPUI_TRY(weights_.require(layer));
  const std::vector<Site> wanted = sites.at_layer(layer);
  const std::string kind = fmt::format("block {}", layer_kind(model_.spec, layer));
  for (ChunkState& chunk : wave) {
    TEPUI_TRY(Part* const part, parts_.get(kind, chunk.shape, chunk.first_sequence, wanted, [&] {
      return lower_block(model_, layer, chunk.shape);
    }));
    TEPUI_TRY(compute(chunk, *part, layer, wanted, BufferSlice::whole(chunk.next), sink));
    std::swap(chunk.hidden, chunk.next);
  }
  report(wave);
  return {};
}

Status Executor::finish(Wave& wave, const SiteSelection& sites, RowSink& sink,
                        const OnChunk& on_chunk) {
  std::vector<Site> wanted;
  if (sites.contains({kNoLayer, Site::final_norm})) wanted.push_back(Site::final_norm);
  if (wanted.empty() && !on_chunk) return {};
  for (ChunkState& chunk : wave) {
    TEPUI_TRY(Part* const part, parts_.get("final norm", chunk.shape, chunk.first_sequence, wanted,
                                           [&] { return lower_final_norm(model_, chunk.shape); }));
    TEPUI_TRY(compute(chunk, *part, kNoLayer, wanted, BufferSlice::whole(chunk.next), sink));
    if (on_chunk) {
      TEPUI_TRY(on_chunk({chunk.first_sequence, &chunk.shape, BufferSlice::whole(chunk.hidden),
                          BufferSlice::whole(chunk.next)}));
    }
  }
  return {};
}

Status Executor::run(Sequences sequences, std::span<const SequenceRange> pending,
                     const SiteSelection& sites, RowSink& sink, const OnProgress& on_progress,
                     const OnChunk& on_chunk) {
  const int layers = model_.spec.dims.layers;
  on_progress_ = &on_progress;
  done_ = total_ = 0;
  for (const auto& [first, last] : pending) {
    for (int i = first; i < last; ++i)
      total_ += static_cast<std::int64_t>(sequences[static_cast<std::size_t>(i)].size()) * layers;
  }
  const auto always = [](std::size_t, std::size_t) { return true; };
  for (const SequenceRange& range : pending) {
    for (const SequenceRange& unit : cut(sequences, range, wave_tokens(), always)) {
      TEPUI_TRY(Wave wave, load_wave(sequences, unit));
      TEPUI_TRY(sink.begin_unit(unit.first, unit.second));
      TEPUI_TRY(embed(wave, sites, sink));
      for (int layer = 0; layer < layers; ++layer)
        TEPUI_TRY(compute_layer(wave, layer, sites, sink));
      TEPUI_TRY(finish(wave, sites, sink, on_chunk));
      TEPUI_TRY(sink.end_unit());
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
