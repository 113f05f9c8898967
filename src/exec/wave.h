// SPDX-License-Identifier: MIT
// What the executor holds on the device of the sequences that pass through the layers together: a
// wave of chunks, and of each chunk its tokens and the hidden state of every lane.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "exec/last_rows.h"
#include "exec/weight_store.h"
#include "input/tokenizer.h"
#include "models/lower.h"
#include "models/model.h"
#include "models/tables.h"
#include "tepui/backend.h"

namespace tepui {

using Sequences = std::span<const std::vector<TokenId>>;
using SequenceRange = std::pair<int, int>;  // [first, last)

struct ChunkState {
  // Which rows an edit may select, on the device; edits that select alike share it.
  struct Marks {
    std::vector<std::uint32_t> rows;
    Buffer buffer;
    Ticket upload;
  };

  int first_sequence = 0;
  std::int64_t first_row = 0;  // in the wave
  ChunkShape shape;
  std::vector<TokenId> tokens;  // of all rows
  Buffer ids;
  Buffer token_rows;  // of gather_tokens
  Buffer positions;
  Buffer offsets;
  std::map<Table, std::shared_ptr<const Buffer>> tables;  // shared by chunks of equal length
  LastRows last;                                          // that leave the last layer
  // [R, D], by lane: the state before the part that runs next; empty where it lies in a file.
  std::vector<Buffer> hidden;
  std::vector<std::unique_ptr<Marks>> marks;
  std::vector<Ticket> before;  // the last part's run, and the downloads from this chunk's buffers
};

// Cuts a range of sequences into runs of at most `tokens` rows, but at least one sequence each;
// `together` says whether two sequences may share a run.
std::vector<SequenceRange> cut(Sequences sequences, SequenceRange range, int tokens,
                               const std::function<bool(std::size_t, std::size_t)>& together);

// The chunks of a range, each of at most `chunk_tokens` rows where that is possible.
Result<std::vector<ChunkState>> load_wave(Backend& backend, const ModelSpec& spec,
                                          Sequences sequences, SequenceRange range,
                                          int chunk_tokens);

// Where the table of tokens is not resident: brings the rows of the chunk's tokens, which its ids
// count from then on.
Status gather_tokens(Backend& backend, WeightStore& weights, ChunkState& chunk);

// The buffer of these marks, uploaded with the first edit that needs it.
Result<const ChunkState::Marks*> marks_of(Backend& backend, ChunkState& chunk,
                                          std::vector<std::uint32_t> rows);

// A sequence that the model can run: not empty, no longer than it takes, ids of its vocabulary. The
// error says which of these it is not.
Status check_sequence(std::span<const TokenId> ids, const Model& model);
// An error that names the first sequence which is empty, longer than the model can take, or holds
// an id outside the vocabulary.
Status check_sequences(Sequences sequences, const Model& model);

}  // namespace tepui
