// SPDX-License-Identifier: MIT
#include "exec/wave.h"

#include <algorithm>
#include <numeric>

#include "exec/uploaded.h"
#include "models/rope_table.h"

namespace tepui {

namespace {

// By table and length.
using Tables = std::map<std::pair<Table, int>, std::shared_ptr<const Buffer>>;

Result<ChunkState> load_chunk(Backend& backend, const ModelSpec& spec, Sequences sequences,
                              SequenceRange range, Tables& tables) {
  ChunkState chunk;
  chunk.first_sequence = range.first;
  for (int i = range.first; i < range.second; ++i) {
    const auto& sequence = sequences[static_cast<std::size_t>(i)];
    chunk.tokens.insert(chunk.tokens.end(), sequence.begin(), sequence.end());
    chunk.shape.lengths.push_back(static_cast<int>(sequence.size()));
  }
  TEPUI_TRY(chunk.ids, uploaded(backend, chunk.tokens));
  TEPUI_TRY(chunk.positions, uploaded(backend, chunk.shape.positions()));
  TEPUI_TRY(chunk.offsets, uploaded(backend, chunk.shape.offsets()));
  const int longest = chunk.shape.longest();
  for (const Table table : tables_of(spec)) {
    auto& known = tables[{table, longest}];
    if (known == nullptr) {
      const std::vector<float> values = table_values(spec, table, longest, longest);
      TEPUI_TRY(Buffer buffer, uploaded(backend, values));
      known = std::make_shared<const Buffer>(std::move(buffer));
    }
    chunk.tables[table] = known;
  }
  return chunk;
}

}  // namespace

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

Result<std::vector<ChunkState>> load_wave(Backend& backend, const ModelSpec& spec,
                                          Sequences sequences, SequenceRange range,
                                          int chunk_tokens) {
  // Sequences whose rotary frequencies differ cannot share a table, and so no chunk.
  const auto together = [&](std::size_t a, std::size_t b) {
    return length_classes(spec, static_cast<int>(sequences[a].size())) ==
           length_classes(spec, static_cast<int>(sequences[b].size()));
  };
  std::vector<ChunkState> wave;
  Tables tables;
  std::int64_t rows = 0;
  for (const SequenceRange& run : cut(sequences, range, chunk_tokens, together)) {
    TEPUI_TRY(ChunkState chunk, load_chunk(backend, spec, sequences, run, tables));
    chunk.first_row = rows;
    rows += chunk.shape.rows();
    wave.push_back(std::move(chunk));
  }
  return wave;
}

Status gather_tokens(Backend& backend, WeightStore& weights, ChunkState& chunk) {
  TEPUI_TRY(chunk.token_rows, weights.gather_tokens(chunk.tokens));
  std::vector<std::int32_t> rows(chunk.tokens.size());
  std::iota(rows.begin(), rows.end(), 0);
  TEPUI_TRY(chunk.ids, uploaded(backend, rows));
  return {};
}

Result<const ChunkState::Marks*> marks_of(Backend& backend, ChunkState& chunk,
                                          std::vector<std::uint32_t> rows) {
  for (const auto& known : chunk.marks) {
    if (known->rows == rows) return known.get();
  }
  auto marks = std::make_unique<ChunkState::Marks>();
  marks->rows = std::move(rows);
  const auto bytes = std::as_bytes(std::span(marks->rows));
  TEPUI_TRY(marks->buffer, backend.allocate(bytes.size(), Memory::device));
  marks->upload = backend.upload(BufferSlice::whole(marks->buffer), bytes, {});
  chunk.marks.push_back(std::move(marks));
  return chunk.marks.back().get();
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
